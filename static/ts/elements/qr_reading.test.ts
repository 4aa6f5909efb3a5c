import { afterEach, describe, expect, test, vi } from "vitest";
import { modulesOf } from "./qr";
import { Camera, textIn } from "./qr_reading";

const CODE = Array.from({ length: 200 }, (_, at) => "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[(at * 7 + 3) % 32]).join("");

/** A QR code as a camera would see it: each module `scale` pixels wide, on a ground of some other colour. */
function picture(content: string | Uint8Array, { scale = 4, around = 0, ground = 200 } = {}) {
  const modules = modulesOf(content);
  const side = modules.length * scale + 2 * around;
  const data = new Uint8ClampedArray(side * side * 4).fill(ground);
  for (let y = 0; y < modules.length * scale; y += 1) {
    for (let x = 0; x < modules.length * scale; x += 1) {
      const dark = modules[Math.floor(y / scale)]?.[Math.floor(x / scale)] ?? false;
      data.fill(dark ? 20 : 240, ((y + around) * side + x + around) * 4, ((y + around) * side + x + around) * 4 + 3);
    }
  }
  return { data, width: side, height: side };
}

describe("reading a QR code", () => {
  test("of 200 characters gives them back", async () => {
    expect(await textIn(picture(CODE))).toBe(CODE);
  });

  test("works in the middle of a larger picture", async () => {
    expect(await textIn(picture(CODE, { scale: 3, around: 150 }))).toBe(CODE);
  });

  test("gives nothing where there is none, or where it is spoiled", async () => {
    expect(await textIn({ data: new Uint8ClampedArray(400 * 400 * 4).fill(128), width: 400, height: 400 })).toBeNull();
    const spoiled = picture(CODE);
    spoiled.data.fill(240, 0, spoiled.data.length / 3);
    expect(await textIn(spoiled)).toBeNull();
  });

  test("of a safety number holds its bytes", () => {
    expect(modulesOf(Uint8Array.from({ length: 76 }, (_, at) => at))).toHaveLength(33 + 8);
  });
});

describe("the camera", () => {
  afterEach(() => vi.unstubAllGlobals());

  test("is looked at again after a picture that could not be taken", async () => {
    let looks = 0;
    vi.stubGlobal("navigator", { mediaDevices: { getUserMedia: () => Promise.resolve({ getTracks: () => [] }) } });
    vi.stubGlobal("document", {
      createElement: () => {
        looks += 1;
        throw new Error("no canvas"); // as while the page is put to sleep
      },
    });
    const camera = new Camera(() => undefined);
    await camera.start({ videoWidth: 4, videoHeight: 4, play: () => Promise.resolve() } as HTMLVideoElement);
    await vi.waitUntil(() => looks > 1);
    camera.stop();
    expect(looks).toBeGreaterThan(1);
  });
});
