// The page with the fake client: `npx vite --base /`, then static/ts/elements/tests/dev.html?scene=chat. Never built.

import { mount } from "../mount";
import { scenes } from "./scenes";

const search = new URLSearchParams(location.search);
const scene = (scenes[search.get("scene") ?? "chat"] ?? scenes["chat"])?.();
if (scene) {
  document.documentElement.dataset["theme"] = search.get("theme") ?? "auto";
  document.documentElement.dir = search.get("dir") ?? "ltr";
  history.replaceState(null, "", scene.path);
  Object.assign(window, { fake: scene.fake });
  mount(scene.fake);
  const { then } = scene;
  if (then) setTimeout(then, 100);
}
