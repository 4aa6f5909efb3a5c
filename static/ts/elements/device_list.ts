// Which devices the account has, and what can be done about each.

import { html, nothing, type TemplateResult } from "lit";
import type { DeviceInfo } from "../client/model";
import { icons } from "./icons";
import type { Devices } from "./state/devices";
import { times, words } from "./words";

export function deviceList(devices: Devices): TemplateResult {
  const said = words.devices;
  const { all } = devices;
  if (devices.failed !== "") {
    return html`${problem(devices.failed)}
      <button class="button button-quiet" type="button" @click=${() => void devices.refresh()}>${words.tryAgain}</button>`;
  }
  if (all === null) return html`<p class="late quiet" role="status">${said.loading}</p>`;
  const current = all.filter((device) => !isEnded(device));
  const ended = all.filter(isEnded);
  return html`
    <p class="quiet">${said.text}</p>
    ${devices.canManage
      ? html`<button class="button" type="button" @click=${() => devices.show("code")}>${said.link}</button>`
      : html`<p class="devices-note">${said.cannot(managers(current))}</p>`}
    <ul class="device-list">
      ${current.map((device) => entry(devices, device))}
    </ul>
    ${ended.length > 0
      ? html`<details class="devices-ended">
          <summary>${said.ended(ended.length)}</summary>
          <ul class="device-list">
            ${ended.map((device) => entry(devices, device))}
          </ul>
        </details>`
      : nothing}
  `;
}

/** What went wrong, above what can be done about it. */
export function problem(why: string): TemplateResult | typeof nothing {
  return why === "" ? nothing : html`<p class="problem" role="alert">${why}</p>`;
}

function entry(devices: Devices, device: DeviceInfo): TemplateResult {
  const name = words.deviceName(device);
  const seen = device.lastSeen > 0 ? times.brief(device.lastSeen, Date.now()) : "";
  return html`<li class="device" data-ended=${isEnded(device) ? "true" : "false"}>
    ${pictureOf(device)}
    <div class="device-words">
      <p class="device-name"><bdi>${name}</bdi></p>
      ${marks(device)}
      <p class="quiet">${words.devices.seen(words.platform(device.platform), seen)}</p>
    </div>
    ${device.thisOne || isEnded(device)
      ? nothing
      : html`<button
          class="button button-quiet button-small"
          type="button"
          aria-label=${words.devices.endOf(name)}
          @click=${() => devices.askToEnd(device)}
        >
          ${words.devices.end}
        </button>`}
  </li>`;
}

function marks(device: DeviceInfo): TemplateResult | typeof nothing {
  const said = words.devices;
  const shown = [
    device.thisOne ? { text: said.thisOne, kind: "badge badge-success" } : null,
    device.managing && device.listed ? { text: said.managing, kind: "badge" } : null,
    device.suspended && device.listed ? { text: said.ending, kind: "badge badge-warning" } : null,
    !device.suspended && !device.listed ? { text: said.unlisted, kind: "badge badge-warning" } : null,
  ].filter((one) => one !== null);
  if (shown.length === 0) return nothing;
  return html`<p class="device-marks">${shown.map(({ text, kind }) => html`<span class=${kind}>${text}</span> `)}</p>`;
}

function isEnded(device: DeviceInfo): boolean {
  return device.suspended && !device.listed;
}

function managers(all: readonly DeviceInfo[]): string[] {
  return all.filter((one) => one.managing && one.listed && !one.suspended && !one.thisOne).map(words.deviceName);
}

/** A picture of what a device is. */
export function pictureOf({ platform }: Pick<DeviceInfo, "platform">): TemplateResult {
  return /browser|web/.test(platform) ? icons.browser : icons.terminal;
}
