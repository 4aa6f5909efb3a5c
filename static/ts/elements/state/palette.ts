// The colours that a group can have. A group's colour is any of 2^24; it is shown as the nearest one of these, on which
// letters can be read in the light and in the dark (--person-1 to --person-8 in tokens.css).

export const PALETTE = [0x0b6b5f, 0x9a3412, 0x5b3fa0, 0x1d5c99, 0x9c2752, 0x4d6412, 0x86198f, 0x465461] as const;
const GREY = PALETTE.length; // the last one has next to no hue
const PALE = 28; // of 255: how far apart red, green and blue are at least where there is a hue

/** 1 to 8: which of the palette's a colour (0xRRGGBB) is shown as. */
export function shownColour(colour: number): number {
  const hue = hueOf(colour);
  if (hue === null) return GREY;
  const distances = PALETTE.slice(0, -1).map((one) => {
    const distance = Math.abs(hue - (hueOf(one) ?? 0));
    return Math.min(distance, 360 - distance);
  });
  return distances.indexOf(Math.min(...distances)) + 1;
}

/** Degrees; null: none to speak of. */
function hueOf(colour: number): number | null {
  const [red, green, blue] = [(colour >> 16) & 255, (colour >> 8) & 255, colour & 255];
  const most = Math.max(red, green, blue);
  const spread = most - Math.min(red, green, blue);
  if (spread <= PALE) return null;
  const sixths = most === red ? (green - blue) / spread : most === green ? 2 + (blue - red) / spread : 4 + (red - green) / spread;
  return (sixths * 60 + 360) % 360;
}
