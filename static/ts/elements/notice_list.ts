// Sentences for the person, above everything else, until they are dismissed.

import { html, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { icons } from "./icons";
import { iconButton } from "./parts";
import type { Notices } from "./state/notices";
import { words } from "./words";

export function noticeList(notices: Notices): TemplateResult {
  return html`<div class="notices" role="alert">
    ${repeat(
      notices.all,
      (notice) => notice.id,
      (notice) =>
        html`<div class="notice">
          <p>${notice.text}</p>
          ${iconButton({ label: words.dismiss, icon: icons.clear, act: () => notices.dismiss(notice.id) })}
        </div>`,
    )}
  </div>`;
}
