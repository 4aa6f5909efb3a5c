// Whether a new chat is end-to-end encrypted: said plainly, since it stays so.

import { html, type TemplateResult } from "lit";
import { words } from "./words";

export function encryptionChoice(isOpen: boolean, choose: (open: boolean) => void): TemplateResult {
  const said = words.group.choice;
  const option = (open: boolean, name: string, help: string): TemplateResult =>
    html`<div class="choice">
        <input
          id="encryption-${open ? "open" : "encrypted"}"
          type="radio"
          name="encryption"
          aria-describedby="encryption-${open ? "open" : "encrypted"}-help encryption-final"
          .checked=${open === isOpen}
          @change=${() => choose(open)}
        />
        <label for="encryption-${open ? "open" : "encrypted"}">${name}</label>
      </div>
      <p class="choice-help" id="encryption-${open ? "open" : "encrypted"}-help">${help}</p>`;
  return html`<fieldset class="encryption-choice">
    <legend>${said.legend}</legend>
    ${option(false, said.encrypted, said.encryptedHelp)} ${option(true, said.open, said.openHelp)}
    <p class="choice-help" id="encryption-final">${said.final}</p>
  </fieldset>`;
}
