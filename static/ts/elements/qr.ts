// A QR code as a drawing: one path, black on white in both themes, with the quiet zone that readers need.

import { html, svg, type TemplateResult } from "lit";
import { encodeQR } from "qr";

const QUIET = 4; // modules

/** Of bytes as they are, or of a text: upper case letters and digits take the least room. */
export function qrCode(content: Uint8Array | string, label: string): TemplateResult {
  const rows = modulesOf(content);
  const side = rows.length;
  const dark = rows.flatMap((row, y) => runs(row).map(([x, width]) => `M${x} ${y}h${width}v1h-${width}z`));
  return html`<svg class="qr" viewBox="0 0 ${side} ${side}" role="img" aria-label=${label} shape-rendering="crispEdges">
    ${svg`<rect width=${side} height=${side} fill="#fff" /><path fill="#000" d=${dark.join("")} />`}
  </svg>`;
}

/** Row by row, dark ones true, the quiet zone included. */
export function modulesOf(content: Uint8Array | string): boolean[][] {
  const options = { ecc: "low", border: QUIET } as const;
  if (typeof content === "string") return encodeQR(content, "raw", options);
  return encodeQR(" ", "raw", { ...options, encoding: "byte", textEncoder: () => content });
}

/** Where dark modules stand in a row, and how many side by side. */
function runs(row: readonly boolean[]): [number, number][] {
  const found: [number, number][] = [];
  row.forEach((dark, x) => {
    const last = found[found.length - 1];
    if (dark && last && last[0] + last[1] === x) last[1] += 1;
    else if (dark) found.push([x, 1]);
  });
  return found;
}
