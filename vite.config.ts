// Builds the page's scripts from static/ts into build/js, which Django serves under /static/js/.
import { defineConfig } from "vitest/config";

export default defineConfig({
  base: "/static/js/",
  publicDir: false,
  build: {
    outDir: "build/js",
    emptyOutDir: true,
    manifest: true,
    target: "es2022",
    assetsInlineLimit: 0, // the policy allows no data: URLs for scripts and wasm
    modulePreload: { polyfill: false },
    rolldownOptions: { input: { chats: "static/ts/pages/chats.ts" }, checks: { pluginTimings: false } },
  },
  worker: { format: "es" },
  test: { include: ["static/ts/**/*.test.ts"], environment: "node", testTimeout: 60_000 },
});
