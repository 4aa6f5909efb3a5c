import { beforeEach, expect, test, vi } from "vitest";
import { ownScript } from "./trusted_types";

beforeEach(() => {
  vi.stubGlobal("location", new URL("https://example.org/chats/"));
});

test("our own scripts may run", () => {
  for (const address of ["/static/js/assets/worker-1.js", "https://example.org/static/js/a.js", "/sw.js"]) {
    expect(ownScript(address)).toBe(address);
  }
});

test("nothing else may", () => {
  const others = [
    "https://evil.example/static/js/a.js",
    "//evil.example/static/js/a.js",
    "/static/js/../../media/a.js",
    "/media/a.js",
    "/media/sw.js",
    "https://evil.example/sw.js",
    "/static/js/a.svg",
    "javascript:alert(1)//static/js/a.js",
    "data:text/javascript,alert(1)",
    "blob:https://example.org/static/js/a.js",
  ];
  for (const address of others) expect(() => ownScript(address)).toThrow(TypeError);
});
