// A QR code as a drawing: one path, black on white in both themes, with the quiet zone that readers need.

import { html, svg, type TemplateResult } from "lit";
import { encode } from "uqr";

const QUIET = 4; // modules

export function qrCode(bytes: Uint8Array, label: string): TemplateResult {
  const { data, size } = encode([...bytes], { ecc: "L", border: 0 });
  const dark = data.flatMap((row, y) => runs(row).map(([x, width]) => `M${x + QUIET} ${y + QUIET}h${width}v1h-${width}z`));
  const side = size + 2 * QUIET;
  return html`<svg class="qr" viewBox="0 0 ${side} ${side}" role="img" aria-label=${label} shape-rendering="crispEdges">
    ${svg`<rect width=${side} height=${side} fill="#fff" /><path fill="#000" d=${dark.join("")} />`}
  </svg>`;
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
