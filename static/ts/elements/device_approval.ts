// A device whose code was read: shall it be linked, and with what? And after that: it is.

import { html, nothing, type TemplateResult } from "lit";
import { pictureOf, problem } from "./device_list";
import "./history_line";
import { icons } from "./icons";
import type { Devices, View } from "./state/devices";
import type { History } from "./state/history";
import { words } from "./words";

export function approveDevice(devices: Devices, { device }: Extract<View, { name: "approve" }>): TemplateResult {
  const said = words.devices;
  return html`<form class="devices-form" @submit=${(event: SubmitEvent) => approve(event, devices)}>
    <div class="device">
      ${pictureOf(device)}
      <div class="device-words">
        <p class="device-name"><bdi>${words.deviceName(device)}</bdi></p>
        <p class="quiet">${words.platform(device.platform)}</p>
      </div>
    </div>
    <p class="devices-careful">${icons.warning}<span>${said.approveText}</span></p>
    ${option("history", said.history, said.historyHelp, { checked: true, disabled: devices.busy })}
    ${option("manage", said.manage, said.manageHelp, { checked: false, disabled: devices.busy })} ${problem(devices.why)}
    ${devices.busy
      ? html`<p class="linking-wait" role="status">${said.approving}</p>`
      : html`<div class="actions">
          <button class="button button-quiet" type="button" @click=${() => devices.show("list")}>${said.cancel}</button>
          <button class="button" type="submit">${said.approve}</button>
        </div>`}
  </form>`;
}

export function linkedDevice(
  { history: follows }: Extract<View, { name: "linked" }>,
  history: History,
  done: () => void,
): TemplateResult {
  const said = words.devices;
  return html`
    <p>${said.linkedText}</p>
    ${follows ? html`<p>${said.linkedHistory}</p>` : nothing}
    <history-line .history=${history}></history-line>
    <button class="button" type="button" @click=${done}>${said.done}</button>
  `;
}

function option(
  name: string,
  label: string,
  help: string,
  { checked, disabled }: { readonly checked: boolean; readonly disabled: boolean },
): TemplateResult {
  const id = `link-${name}`;
  return html`<div class="option">
    <input id=${id} name=${name} type="checkbox" ?checked=${checked} ?disabled=${disabled} aria-describedby="${id}-help" />
    <label for=${id}>${label}</label>
    <p id="${id}-help">${help}</p>
  </div>`;
}

function approve(event: SubmitEvent, devices: Devices): void {
  event.preventDefault();
  const chosen = new FormData(event.currentTarget as HTMLFormElement);
  void devices.approve({ history: chosen.has("history"), managing: chosen.has("manage") });
}
