// Builds the page's scripts from static/ts into build/js, which Django serves under /static/js/.
import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

// The package's own entry brings two more files that nothing here loads. Tests under Node need that entry.
const sqlite = {
  find: /^@evolu\/sqlite-wasm$/,
  replacement: resolve(import.meta.dirname, "node_modules/@evolu/sqlite-wasm/sqlite-wasm/jswasm/sqlite3.mjs"),
};

export default defineConfig({
  base: "/static/js/",
  publicDir: false,
  resolve: { alias: process.env["VITEST"] ? [] : [sqlite] },
  build: {
    outDir: "build/js",
    emptyOutDir: true,
    manifest: true,
    target: "es2022",
    assetsInlineLimit: 0, // the policy allows no data: URLs for scripts and wasm
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: Object.fromEntries(["chats", "service_worker", "sign_up"].map((name) => [name, `static/ts/pages/${name}.ts`])),
      checks: { pluginTimings: false },
    },
  },
  worker: { format: "es" },
  test: { include: ["static/ts/**/*.test.ts"], environment: "node", testTimeout: 60_000 },
});
