import noUnsanitized from "eslint-plugin-no-unsanitized";
import tseslint from "typescript-eslint";

const htmlFromStrings = ["innerHTML", "outerHTML", "insertAdjacentHTML", "setHTMLUnsafe", "srcdoc"].map((property) => ({
  property,
  message: "Text goes into the page by textContent or a Lit template.",
}));

// What each layer must not import: pages > elements > client > store | api | stream > protocol.
const layers = { protocol: ["store", "api", "stream", "client", "elements", "pages"] };
for (const layer of ["store", "api", "stream"]) {
  const others = ["store", "api", "stream"].filter((other) => other !== layer);
  layers[layer] = [...others, "client", "elements", "pages"];
}
layers.client = ["elements", "pages"];
layers.elements = ["pages", "store", "api", "stream"];

export default tseslint.config(
  { files: ["static/ts/**/*.ts"], extends: [tseslint.configs.strictTypeChecked] },
  {
    files: ["static/ts/**/*.ts"],
    plugins: { "no-unsanitized": noUnsanitized },
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "no-unsanitized/method": "error",
      "no-unsanitized/property": "error",
      "no-restricted-properties": ["error", ...htmlFromStrings, { object: "document", property: "write" }],
      "no-restricted-imports": [
        "error",
        { paths: [{ name: "lit/directives/unsafe-html.js" }, { name: "lit/directives/unsafe-svg.js" }] },
      ],
      "no-eval": "error",
      "no-console": "error",
      eqeqeq: "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
    },
  },
  ...Object.entries(layers).map(([layer, above]) => ({
    files: [`static/ts/${layer}/**/*.ts`],
    ignores: ["static/ts/**/*.test.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          paths: [{ name: "lit/directives/unsafe-html.js" }, { name: "lit/directives/unsafe-svg.js" }],
          patterns: [{ group: above.map((name) => `../${name}/*`), message: "Imports go down only." }],
        },
      ],
    },
  })),
  { files: ["static/ts/**/*.test.ts"], rules: { "@typescript-eslint/no-non-null-assertion": "off" } },
);
