// The page's pictures: one stroke, one grid of 24, the colour of the text around them.

import { html, svg, type SVGTemplateResult, type TemplateResult } from "lit";

function icon(body: SVGTemplateResult, box = "0 0 24 24"): TemplateResult {
  return html`<svg class="icon" viewBox=${box} aria-hidden="true" focusable="false">${body}</svg>`;
}

const path = (d: string): SVGTemplateResult => svg`<path d=${d} />`;

export const icons = {
  search: icon(path("M10.5 4a6.5 6.5 0 1 1 0 13 6.500 6.500 0 0 1 0-13zM15.300 15.300 20 20")),
  clear: icon(path("M6 6l12 12M18 6 6 18")),
  back: icon(path("M15 5l-7 7 7 7")),
  write: icon(path("M4 20h4L19 9a2.100 2.100 0 0 0 0-3l-1-1a2.100 2.100 0 0 0-3 0L4 16v4zM13.500 6.500l4 4")),
  settings: icon(
    path("M4 7h9M17 7h3M4 17h3M11 17h9M13 7a2 2 0 1 0 4 0 2 2 0 1 0-4 0M7 17a2 2 0 1 0 4 0 2 2 0 1 0-4 0"),
  ),
  keyboard: icon(path("M3.500 6.500h17v11h-17zM7 10h.01M10.300 10h.01M13.700 10h.01M17 10h.01M8 14h8")),
  devices: icon(path("M3.500 5.500h13v9h-13zM2 18h8.500M14 10.500h6.500v9H14zM17.200 17h.01")),
  browser: icon(path("M3.500 5h17v14h-17zM3.500 9.500h17M6.500 7.250h.01M9 7.250h.01")),
  terminal: icon(path("M3.500 5h17v14h-17zM7 9.500l3 2.500-3 2.500M12 15h4.500")),
  camera: icon(path("M4 8h3.500L9 5.500h6L16.500 8H20v11H4zM12 10a3.300 3.300 0 1 1 0 6.600 3.300 3.300 0 0 1 0-6.600z")),
  picture: icon(path("M4 5h16v14H4zM4 16l5-5 4 4 2.500-2.500L20 17M15 9h.01")),
  lock: icon(path("M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3")),
  openLock: icon(path("M6 11h12v9H6zM8.500 11V7.500a3.500 3.500 0 0 1 6.800-1.200")),
  more: icon(path("M12 5.500v.01M12 12v.01M12 18.500v.01")),
  bin: icon(path("M5 7h14M10 7V4.500h4V7M7 7l.8 12.500h8.400L17 7M10.500 10.500v6M13.500 10.500v6")),
  verified: icon(path("M12 3l2.400 1.800 3-.1.9 2.900 2.500 1.700-1 2.800 1 2.800-2.500 1.700-.9 2.900-3-.1L12 21l-2.400-1.600-3 .1-.9-2.900-2.500-1.700 1-2.800-1-2.800 2.500-1.700.9-2.900 3 .1zM8.500 12.200l2.400 2.400 4.600-5")),
  info: icon(path("M12 3.500a8.500 8.500 0 1 1 0 17 8.500 8.500 0 0 1 0-17zM12 11v5.500M12 7.500v.01")),
  send: icon(path("M5 12h13M12.500 6l6 6-6 6")),
  down: icon(path("M12 5v13M6 12.500l6 6 6-6")),
  warning: icon(path("M12 4 21 19.500H3zM12 10v4.500M12 17v.01")),
  person: icon(path("M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM4.500 20a7.500 7.500 0 0 1 15 0")),
  people: icon(path("M9 4.500a3.500 3.500 0 1 1 0 7 3.500 3.500 0 0 1 0-7zM2.500 19.500a6.500 6.500 0 0 1 13 0M15.500 4.800a3.500 3.500 0 0 1 0 6.400M18 13.800a6.500 6.500 0 0 1 3.500 5.700")),
  newGroup: icon(path("M9 4.500a3.500 3.500 0 1 1 0 7 3.500 3.500 0 0 1 0-7zM2.500 19.500a6.500 6.500 0 0 1 13 0M18.500 5v6M15.500 8h6")),
  link: icon(path("M10 14l4-4M8.500 11.500 6 14a2.800 2.800 0 0 0 4 4l2.500-2.500M15.500 12.500 18 10a2.800 2.800 0 0 0-4-4l-2.500 2.500")),
  copy: icon(path("M9 9h10v11H9zM15 9V5H5v11h4")),
  offline: icon(path("M3 9a13 13 0 0 1 4-2.600M21 9a13 13 0 0 0-9.500-3.500M6.500 13a8 8 0 0 1 3-1.800M17.500 13a8 8 0 0 0-2-1.400M12 18.500v.01M4 4l16 16")),
  block: icon(path("M12 3.500a8.500 8.500 0 1 1 0 17 8.500 8.500 0 0 1 0-17zM6 6l12 12")),
  chats: icon(path("M12 4c5 0 9 3.200 9 7.200s-4 7.300-9 7.300c-1 0-2-.1-2.900-.4L5 20l.8-3.300C4.100 15.400 3 13.400 3 11.200 3 7.200 7 4 12 4z")),
};

/** States of a message: smaller, heavier. */
export const ticks = {
  clock: icon(path("M8 2.500a5.500 5.500 0 1 1 0 11 5.500 5.500 0 0 1 0-11zM8 5v3.200l2 1.300"), "0 0 16 16"),
  one: icon(path("M3 8.500 6.300 12 13 4.500"), "0 0 16 16"),
  two: icon(path("M1.500 8.500 4.800 12 11.500 4.500M9 11.500l.8.5L16.500 4.500"), "0 0 18 16"),
  failed: icon(path("M8 2.500a5.500 5.500 0 1 1 0 11 5.500 5.500 0 0 1 0-11zM8 5v3.500M8 11v.01"), "0 0 16 16"),
};

export const mark = html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
  <path
    fill="currentColor"
    fill-rule="evenodd"
    d="M16 3C8.3 3 2 8.400 2 15.200c0 3.700 1.900 7 4.900 9.200L6 29l5.600-2.300c1.400.4 2.900.6 4.400.6 7.700 0 14-5.400 14-12.100S23.700 3 16 3zm0 6.500a3.400 3.400 0 0 0-1.500 6.450V20.500h3v-4.550A3.400 3.400 0 0 0 16 9.500z"
  />
</svg>`;
