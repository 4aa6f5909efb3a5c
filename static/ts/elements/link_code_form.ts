// How the code of a new device gets here: by the camera, out of a picture, or pasted.

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { problem } from "./device_list";
import { PageElement } from "./element";
import { icons } from "./icons";
import { Camera, CameraError, textInFile } from "./qr_reading";
import type { Changes } from "./state/changes";
import { looksLikeCode, type Devices } from "./state/devices";
import { words } from "./words";

export class LinkCodeFormElement extends PageElement {
  static override properties = { devices: { attribute: false }, scanning: { state: true }, why: { state: true } };
  declare devices: Devices;
  declare scanning: boolean;
  declare why: string; // what the picture or the camera lacks
  #camera: Camera | null = null;

  constructor() {
    super();
    this.scanning = false;
    this.why = "";
  }

  protected override follows(): readonly Changes[] {
    return [this.devices.changed];
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop();
  }

  protected override render(): TemplateResult {
    const said = words.devices;
    const { busy } = this.devices;
    return html`<form class="devices-form" @submit=${this.#submit}>
      <p class="quiet">${this.scanning ? said.aim : said.codeText}</p>
      ${this.scanning
        ? html`<div class="viewfinder">
              <video muted playsinline aria-label=${said.viewfinder}></video>
            </div>
            <button class="button button-quiet" type="button" @click=${this.#stop}>${said.stopScanning}</button>`
        : html`<div class="ways">
            <button class="button" type="button" ?disabled=${busy} @click=${this.#scan}>${icons.camera}${said.scan}</button>
            <button class="button button-quiet" type="button" ?disabled=${busy} @click=${this.#choose}>
              ${icons.picture}${said.picture}
            </button>
            <input class="picture" type="file" accept="image/*" hidden @change=${this.#chosen} />
          </div>`}
      ${this.scanning ? nothing : this.#paste()} ${problem(this.why || this.devices.why)}
      ${busy ? html`<p class="linking-wait" role="status">${said.reading}</p>` : nothing}
    </form>`;
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    if (changed.get("scanning") === false && this.scanning) {
      this.querySelector<HTMLElement>(".viewfinder + .button")?.focus();
    } else if (changed.get("scanning") === true) this.querySelector<HTMLElement>(".ways .button")?.focus();
  }

  #paste(): TemplateResult {
    const said = words.devices;
    return html`<div class="field">
        <label for="link-code">${said.paste}</label>
        <textarea
          id="link-code"
          name="code"
          rows="4"
          dir="ltr"
          autocomplete="off"
          autocapitalize="characters"
          spellcheck="false"
          aria-describedby="link-code-help"
          @input=${this.#typed}
        ></textarea>
        <p class="field-help" id="link-code-help">${said.pasteHelp}</p>
      </div>
      <button class="button button-quiet" type="submit" ?disabled=${this.devices.busy}>${said.goOn}</button>`;
  }

  /** A whole code was pasted: nobody has to press a button as well. */
  #typed(event: InputEvent): void {
    const { value } = event.currentTarget as HTMLTextAreaElement;
    if (event.inputType === "insertFromPaste" && looksLikeCode(value)) void this.#read(value);
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    const code = this.querySelector("textarea")?.value ?? "";
    if (code.trim() !== "") void this.#read(code);
    else this.why = words.devices.empty;
  }

  async #read(code: string): Promise<void> {
    this.why = "";
    await this.devices.read(code);
  }

  async #scan(): Promise<void> {
    this.why = "";
    this.scanning = true;
    await this.updateComplete;
    const video = this.querySelector("video");
    if (!video) return;
    const camera = new Camera((text) => this.#seen(text));
    this.#camera = camera;
    try {
      await camera.start(video);
    } catch (error) {
      if (this.#camera !== camera) return;
      this.#stop();
      this.why = error instanceof CameraError ? words.devices.camera(error.trouble) : words.devices.readerMissing;
    }
  }

  #seen(text: string): void {
    if (!looksLikeCode(text)) {
      this.why = words.devices.otherCode;
      return;
    }
    this.#stop();
    void this.#read(text);
  }

  #stop(): void {
    this.#camera?.stop();
    this.#camera = null;
    this.scanning = false;
  }

  #choose(): void {
    this.querySelector<HTMLInputElement>(".picture")?.click();
  }

  async #chosen(event: Event): Promise<void> {
    const input = event.currentTarget as HTMLInputElement;
    const file = input.files?.[0];
    input.value = "";
    if (!file) return;
    this.why = "";
    let text: string | null;
    try {
      text = await textInFile(file);
    } catch (error) {
      this.why = error instanceof DOMException ? words.devices.noPicture : words.devices.readerMissing;
      return;
    }
    if (text === null) this.why = words.devices.noCode;
    else if (looksLikeCode(text)) await this.#read(text);
    else this.why = words.devices.otherCode;
  }
}

customElements.define("link-code-form", LinkCodeFormElement);
