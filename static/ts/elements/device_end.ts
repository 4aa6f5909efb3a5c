// Ending a device: first what it means, which is more where it holds the account's key.

import { html, nothing, type TemplateResult } from "lit";
import type { DeviceInfo } from "../client/model";
import { problem } from "./device_list";
import { icons } from "./icons";
import { meansNewIdentity, type Devices } from "./state/devices";
import { words } from "./words";

export function endDevice(devices: Devices, device: DeviceInfo): TemplateResult {
  const said = words.devices;
  const anew = meansNewIdentity(device, devices.canManage);
  return html`<form class="devices-form" @submit=${(event: SubmitEvent) => end(event, devices)}>
    <ul class="meanings">
      ${meanings(device, devices.canManage).map((one) => html`<li>${one}</li>`)}
    </ul>
    ${anew
      ? html`<div class="devices-careful">
            ${icons.warning}
            <div>
              <p>${said.endMeans.key}</p>
              <ul class="meanings">
                <li>${said.endMeans.others}</li>
                <li>${said.endMeans.contacts}</li>
              </ul>
            </div>
          </div>
          <div class="choice">
            <input id="end-sure" name="sure" type="checkbox" required ?disabled=${devices.busy} />
            <label for="end-sure">${said.endSure}</label>
          </div>`
      : nothing}
    ${problem(devices.why)}
    ${devices.busy
      ? html`<p class="linking-wait" role="status">${said.endBusy}</p>`
      : html`<div class="actions">
          <button class="button button-quiet" type="button" @click=${() => devices.show("list")}>${said.cancel}</button>
          <button class="button button-danger" type="submit">${anew ? said.endKeyAction : said.endAction}</button>
        </div>`}
  </form>`;
}

function meanings({ listed, managing, suspended }: DeviceInfo, canManage: boolean): string[] {
  const said = words.devices.endMeans;
  return [
    ...(suspended ? [] : [said.signedOut]),
    listed ? said.keeps : said.unlisted,
    ...(listed && !canManage ? [managing ? said.keyLater : said.listLater] : []),
  ];
}

function end(event: SubmitEvent, devices: Devices): void {
  event.preventDefault();
  void devices.end();
}
