// The members who fit the name that is being written, above the field. The focus stays in the field.

import { html, nothing, type TemplateResult } from "lit";
import { avatar } from "./parts";
import type { Completion } from "./state/completion";
import { words } from "./words";

const GAP = 4; // px to the field
const WIDTH = 320; // px at most

/** What the field says of the list. */
export function activeMention({ chosen }: Completion): string | typeof nothing {
  return chosen ? `mention-${chosen.account}` : nothing;
}

export function mentionList(completion: Completion, take: (at: number) => void): TemplateResult {
  const { people, at } = completion;
  return html`<ul
      class="mention-list"
      id="mention-list"
      role="listbox"
      popover="manual"
      aria-label=${words.composer.people}
      @pointerdown=${(event: Event) => event.preventDefault()}
    >
      ${people.map(
        ({ account, name }, index) => html`<li
          id="mention-${account}"
          role="option"
          aria-selected=${index === at ? "true" : "false"}
          @click=${() => take(index)}
        >
          ${avatar(account, name, "tiny")}<bdi>${name}</bdi>
        </li>`,
      )}
    </ul>
    <span class="unseen" role="status">${people.length > 0 ? words.composer.mentionHelp(people.length) : ""}</span>`;
}

/** Show the list where its field is, or take it away. */
export function placeMentions(host: HTMLElement, completion: Completion): void {
  const list = host.querySelector<HTMLElement>(".mention-list");
  const field = host.querySelector("textarea")?.getBoundingClientRect();
  if (!list || !field) return;
  if (!completion.started) {
    if (list.matches(":popover-open")) list.hidePopover();
    return;
  }
  const width = Math.min(field.width, WIDTH);
  list.style.left = `${document.documentElement.dir === "rtl" ? field.right - width : field.left}px`;
  list.style.width = `${width}px`;
  list.style.bottom = `${innerHeight - field.top + GAP}px`;
  list.style.maxHeight = `${Math.max(120, field.top * 0.5)}px`;
  if (!list.matches(":popover-open")) list.showPopover();
  list.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
}
