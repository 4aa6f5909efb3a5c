// The chat page: puts the app where the server painted its outline, and gives it the client.

import { connectMessenger } from "../client/remote";
import { mount } from "../elements/mount";
import { allowOwnScripts } from "./trusted_types";

allowOwnScripts();
mount(connectMessenger());

// After the page is there: it opens without a network from then on. Where a browser refuses it, nothing else changes.
if ("serviceWorker" in navigator) {
  window.addEventListener("load", () => void navigator.serviceWorker.register("/sw.js").catch(() => undefined));
}
