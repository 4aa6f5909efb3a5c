// What one fills in about a group: its name, a description, a colour.

import { html, type TemplateResult } from "lit";
import type { GroupInfo } from "../client/model";
import type { GroupForm } from "./state/group_dialog";
import { PALETTE, shownColour } from "./state/palette";
import { words } from "./words";

const said = words.group;
const MOST_TITLE = 100; // characters
const MOST_DESCRIPTION = 500;

/** `id` begins the ids of the fields; `group`: what they have at first. */
export function nameField(id: string, group?: GroupInfo): TemplateResult {
  return html`<div class="field">
      <label for="${id}-title">${said.titleLabel}</label>
      <input
        id="${id}-title"
        name="title"
        required
        maxlength=${MOST_TITLE}
        autocomplete="off"
        dir="auto"
        value=${group?.title ?? ""}
      />
    </div>`;
}

/** What an open group has not. */
export function moreFields(id: string, group?: GroupInfo): TemplateResult {
  return html`<div class="field">
      <label for="${id}-description">${said.description}</label>
      <textarea
        id="${id}-description"
        name="description"
        rows="2"
        maxlength=${MOST_DESCRIPTION}
        dir="auto"
        .defaultValue=${group?.description ?? ""}
      ></textarea>
    </div>
    ${colours(group?.colour ?? null)}`;
}

export function readFields(form: HTMLFormElement): GroupForm {
  const filled = new FormData(form);
  const text = (name: string): string => {
    const value = filled.get(name);
    return typeof value === "string" ? value.trim() : "";
  };
  const colour = text("colour");
  return { title: text("title"), description: text("description"), colour: colour === "" ? null : Number(colour) };
}

/** A colour that is none of these, from another app, is shown as the nearest, and stays unless another one is chosen. */
function colours(chosen: number | null): TemplateResult {
  const shown = chosen === null ? 0 : shownColour(chosen);
  const choices = [
    { value: "", name: said.colours.none, number: 0 },
    ...PALETTE.map((colour, at) => ({ value: String(colour), name: said.colours.names[at] ?? "", number: at + 1 })),
  ];
  return html`<fieldset class="swatches">
    <legend>${said.colours.legend}</legend>
    ${choices.map(
      ({ value, name, number }) => html`<label class="swatch"
        ><input
          type="radio"
          name="colour"
          value=${number === shown && chosen !== null ? String(chosen) : value}
          data-colour=${number}
          ?checked=${number === shown}
        />${name}</label
      >`,
    )}
  </fieldset>`;
}
