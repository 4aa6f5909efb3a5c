// Starting went otherwise: one sentence, and one thing to do.

import { html, type TemplateResult } from "lit";
import { mark } from "./icons";
import "./link_screen";
import type { ChatPage, Phase } from "./state/page";
import { words } from "./words";

const TAKE_OVER = "messenger.take_over";
const SIGN_IN = "/accounts/login/?next=/chats/";

interface Screen {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  readonly does: string | (() => void); // an address, or what is called
}

export function startScreen(page: ChatPage): TemplateResult | null {
  if (page.phase.state === "linking_needed") {
    return html`<link-screen .page=${page} .reset=${page.phase.reset}></link-screen>`;
  }
  const screen = screenOf(page.phase, page);
  if (!screen) return null;
  const { title, text, action, does } = screen;
  return html`<section class="start" aria-labelledby="start-title">
    ${mark}
    <h1 id="start-title" tabindex="-1">${title}</h1>
    <p>${text}</p>
    ${typeof does === "string"
      ? html`<a class="button" href=${does}>${action}</a>`
      : html`<button class="button" type="button" @click=${does}>${action}</button>`}
  </section>`;
}

function screenOf(phase: Phase, page: ChatPage): Screen | null {
  const said = words.start;
  switch (phase.state) {
    case "starting":
    case "ready":
    case "linking_needed":
      return null;
    case "evicted":
      return { ...said.evicted, does: () => void page.startAfresh() };
    case "open_elsewhere":
      return { ...said.open_elsewhere, does: () => void page.takeOver() };
    case "signed_out":
      return { ...said.signed_out, does: SIGN_IN };
    case "unsupported":
      return { ...said.unsupported, text: said.unsupported.text(phase.missing), does: reload };
    case "failed":
      return { ...said.failed, text: said.failed.text(phase.why), does: reload };
    case "ended":
      break;
  }
  const { why, text } = phase.ended;
  if (why === "signed_out") return { ...said.signed_out, does: SIGN_IN };
  if (why === "failed") return { ...said.failed, text: said.failed.text(text), does: reload };
  return { ...said[why], does: comeBack };
}

function reload(): void {
  location.reload();
}

/** The Worker has ended: begin anew, and do not ask a second time whether it shall be this tab. */
function comeBack(): void {
  sessionStorage.setItem(TAKE_OVER, "yes");
  location.reload();
}

/** Whether the page was loaded to take over. Says so once. */
export function takesOver(): boolean {
  const yes = sessionStorage.getItem(TAKE_OVER) !== null;
  sessionStorage.removeItem(TAKE_OVER);
  return yes;
}
