// How many messages wait, where the page is not in view: in its title, on its icon, and on the installed program's.

const SIZE = 64;
const MOST = 99;
const MARK =
  "M16 3C8.300 3 2 8.400 2 15.200c0 3.700 1.900 7 4.900 9.200L6 29l5.600-2.300c1.400.4 2.900.6 4.400.6 7.700 0 14-5.400 14-12.100S23.700 3 16 3z";
const MARK_COLOUR = "#0b8a7a";
const DOT_COLOUR = "#b3261e";

export class Badge {
  #shown = 0;
  readonly #link: HTMLLinkElement | null;
  readonly #plain: string;

  constructor() {
    this.#link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    this.#plain = this.#link?.href ?? "";
  }

  show(count: number): void {
    if (count === this.#shown) return;
    this.#shown = count;
    if (this.#link) {
      this.#link.type = count > 0 ? "image/png" : "image/svg+xml";
      this.#link.href = count > 0 ? draw(count) : this.#plain;
    }
    if ("setAppBadge" in navigator) {
      // Refused where the page is not installed: nothing to say about it.
      (count > 0 ? navigator.setAppBadge(count) : navigator.clearAppBadge()).catch(() => undefined);
    }
  }
}

function draw(count: number): string {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const pen = canvas.getContext("2d");
  if (!pen) return "";
  pen.save();
  pen.scale(SIZE / 32, SIZE / 32);
  pen.fillStyle = MARK_COLOUR;
  pen.fill(new Path2D(MARK));
  pen.restore();
  const text = count > MOST ? `${MOST}+` : `${count}`;
  const radius = SIZE * 0.31;
  pen.fillStyle = DOT_COLOUR;
  pen.beginPath();
  pen.arc(SIZE - radius, SIZE - radius, radius, 0, 2 * Math.PI);
  pen.fill();
  pen.fillStyle = "#fff";
  pen.font = `700 ${text.length > 2 ? 20 : text.length > 1 ? 26 : 30}px system-ui, sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, SIZE - radius, SIZE - radius + 2);
  return canvas.toDataURL("image/png");
}
