// Puts the app into the page, with what the server wrote there.

import type { Messenger } from "../client/messenger";
import { MessengerAppElement } from "./app";
import { PAGE_CLOCK } from "./state/clock";
import { ChatPage } from "./state/page";

export function mount(messenger: Messenger): void {
  const shell = document.querySelector<HTMLElement>("#app");
  if (!shell) return;
  const { account = "", username = "", csrf = "", knownDevice = "" } = shell.dataset;
  const app = new MessengerAppElement();
  app.id = shell.id;
  app.page = new ChatPage(messenger, { account, username, csrf, knownDevice }, PAGE_CLOCK);
  shell.replaceWith(app);
}
