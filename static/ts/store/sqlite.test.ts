import { afterEach, expect, test, vi } from "vitest";

import { sqlite } from "./sqlite";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test("a library that cannot be started rejects, and the next call tries again", async () => {
  vi.stubGlobal("WorkerGlobalScope", Object);
  vi.stubGlobal("fetch", () => Promise.resolve(new Response()));
  vi.spyOn(WebAssembly, "compileStreaming").mockResolvedValue({});
  vi.spyOn(WebAssembly, "instantiate").mockRejectedValue(new RangeError("could not allocate memory"));
  await expect(sqlite()).rejects.toThrow("could not allocate memory");
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  expect((await sqlite()).version.libVersion).toMatch(/^3\./);
});
