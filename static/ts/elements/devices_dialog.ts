// The account's devices: which there are, how one more is linked, and how one is ended.

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { approveDevice, linkedDevice } from "./device_approval";
import { endDevice } from "./device_end";
import { deviceList } from "./device_list";
import { PageElement } from "./element";
import { icons } from "./icons";
import "./link_code_form";
import { iconButton } from "./parts";
import type { Changes } from "./state/changes";
import type { Devices } from "./state/devices";
import type { History } from "./state/history";
import { words } from "./words";

export class DevicesDialogElement extends PageElement {
  static override properties = { devices: { attribute: false }, history: { attribute: false } };
  declare devices: Devices;
  declare history: History;
  #shown = "";

  protected override follows(): readonly Changes[] {
    return [this.devices.changed, this.history.changed];
  }

  protected override render(): TemplateResult {
    const { devices } = this;
    const inside = devices.view.name !== "list" && devices.view.name !== "linked" && !devices.busy;
    return html`<dialog class="dialog devices" aria-labelledby="devices-title" @close=${this.#closed} @click=${this.#outside}>
      <header class="dialog-head">
        ${inside
          ? iconButton({ label: words.devices.back, icon: icons.back, act: () => devices.show("list") })
          : nothing}
        <h2 id="devices-title" tabindex="-1">${this.#title()}</h2>
        ${iconButton({ label: words.close, icon: icons.clear, act: () => this.#dialog?.close() })}
      </header>
      <div class="devices-body">${devices.isOpen ? this.#body() : nothing}</div>
    </dialog>`;
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    const dialog = this.#dialog;
    if (!dialog) return;
    if (this.devices.isOpen && !dialog.open) dialog.showModal();
    const shown = this.devices.isOpen ? this.devices.view.name : "";
    const isLost = !dialog.contains(document.activeElement); // what was pressed has given way
    if (shown !== "" && (shown !== this.#shown || isLost)) this.querySelector<HTMLElement>("#devices-title")?.focus();
    this.#shown = shown;
  }

  get #dialog(): HTMLDialogElement | null {
    return this.querySelector("dialog");
  }

  #title(): string {
    const { view } = this.devices;
    const said = words.devices;
    switch (view.name) {
      case "list":
        return said.title;
      case "code":
        return said.codeTitle;
      case "approve":
        return said.approveTitle;
      case "linked":
        return said.linkedTitle(words.deviceName(view.device));
      case "end":
        return said.endTitle(words.deviceName(view.device));
    }
  }

  #body(): TemplateResult {
    const { devices } = this;
    const { view } = devices;
    switch (view.name) {
      case "list":
        return deviceList(devices);
      case "code":
        return html`<link-code-form .devices=${devices}></link-code-form>`;
      case "approve":
        return approveDevice(devices, view);
      case "linked":
        return linkedDevice(view, this.history, () => devices.show("list"));
      case "end":
        return endDevice(devices, view.device);
    }
  }

  #closed(): void {
    this.devices.close();
    this.dispatchEvent(new CustomEvent("devices-closed", { bubbles: true }));
  }

  #outside(event: MouseEvent): void {
    if (event.target instanceof HTMLDialogElement) event.target.close();
  }
}

customElements.define("devices-dialog", DevicesDialogElement);
