// The Python core, as a program that is asked line by line (client/tests/protocol/driver.py, group_driver.py).

import { spawn, type ChildProcessByStdio } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Json } from "./json";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const INTERPRETER = `${ROOT}.venv/bin/python`;

export interface Answer {
  readonly result: Json;
  readonly draws: Json; // the randomness that it drew itself
  readonly stored: Json; // what the device's store holds now
}

export class Python {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: AsyncIterator<string>;
  #complaint = "";

  constructor(driver = "driver.py") {
    if (!existsSync(INTERPRETER)) {
      throw new Error(`The differential test needs the Python core: ${INTERPRETER} is missing. Run bin/setup --dev.`);
    }
    this.#process = spawn(INTERPRETER, [`client/tests/protocol/${driver}`], {
      cwd: ROOT,
      env: { ...process.env, PYTHONPATH: "client:vectors" },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#process.stderr.on("data", (text: Buffer) => (this.#complaint += text.toString()));
    this.#process.stdin.on("error", () => undefined); // a process that has ended is noticed by its missing answer
    this.#lines = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
  }

  async ask(request: Record<string, Json>): Promise<Answer> {
    this.#process.stdin.write(`${JSON.stringify(request)}\n`);
    const line = await this.#lines.next();
    if (line.done === true) throw new Error(`The Python core has ended:\n${this.#complaint}`);
    return JSON.parse(line.value) as Answer;
  }

  end(): void {
    this.#process.stdin.end();
  }
}
