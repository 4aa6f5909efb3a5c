// QR codes in pictures: of a file, and of the camera. The reader itself is loaded when it is first needed.

const MOST = 1_600; // pixels at the longer side: more of them make reading slow, and not better
const PAUSE = 120; // ms between two looks at the camera

export type CameraTrouble = "refused" | "missing" | "busy";

export class CameraError extends Error {
  readonly trouble: CameraTrouble;

  constructor(trouble: CameraTrouble) {
    super(trouble);
    this.trouble = trouble;
  }
}

/** The text of the first QR code in a picture of RGBA pixels; null: there is none to be read. */
export async function textIn(picture: { data: Uint8ClampedArray; width: number; height: number }): Promise<string | null> {
  const { decodeQR } = await import("qr/decode.js");
  try {
    return decodeQR(picture);
  } catch {
    return null;
  }
}

/** The same of a file. Throws where it is no picture. */
export async function textInFile(file: Blob): Promise<string | null> {
  const bitmap = await createImageBitmap(file);
  try {
    return await textIn(pixels(bitmap, bitmap.width, bitmap.height));
  } finally {
    bitmap.close();
  }
}

/** Shows what the camera sees in a `video`, and tells each text that it reads there. */
export class Camera {
  readonly #found: (text: string) => void;
  #stream: MediaStream | null = null;
  #stopped = false;

  constructor(found: (text: string) => void) {
    this.#found = found;
  }

  /** Throws CameraError, or what came of loading the reader. */
  async start(video: HTMLVideoElement): Promise<void> {
    await import("qr/decode.js");
    const stream = await open();
    if (this.#stopped) {
      close(stream);
      return;
    }
    this.#stream = stream;
    video.srcObject = stream;
    await video.play().catch(() => undefined); // taken away meanwhile
    void this.#look(video);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#stream) close(this.#stream);
    this.#stream = null;
  }

  #isOn(): boolean {
    return this.#stream !== null;
  }

  async #look(video: HTMLVideoElement): Promise<void> {
    while (this.#isOn()) {
      if (video.videoWidth > 0) {
        const text = await textOf(video).catch(() => null);
        if (text !== null && this.#isOn()) this.#found(text);
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

async function textOf(video: HTMLVideoElement): Promise<string | null> {
  return textIn(pixels(video, video.videoWidth, video.videoHeight));
}

async function open(): Promise<MediaStream> {
  const devices = (navigator as { mediaDevices?: MediaDevices }).mediaDevices; // not there without HTTPS
  if (!devices) throw new CameraError("missing");
  try {
    return await devices.getUserMedia({ audio: false, video: { facingMode: "environment", width: { ideal: 1_280 } } });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    if (name === "NotAllowedError" || name === "SecurityError") throw new CameraError("refused");
    throw new CameraError(name === "NotReadableError" || name === "AbortError" ? "busy" : "missing");
  }
}

function close(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

function pixels(source: CanvasImageSource, width: number, height: number): ImageData {
  const scale = Math.min(1, MOST / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  if (!pen) throw new Error("no canvas");
  pen.fillStyle = "#fff"; // behind a picture with holes
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(source, 0, 0, canvas.width, canvas.height);
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}
