import { describe, expect, test } from "vitest";
import { id } from "../tests/fake";
import { devicesAskedFor, formatRoute, joinAskedFor, parseRoute } from "./route";

describe("routes", () => {
  const chat = id("c", 7);

  test("go there and back", () => {
    for (const route of [
      { chat: null, details: false },
      { chat, details: false },
      { chat, details: true },
    ]) {
      const url = new URL(formatRoute(route), "https://example.org");
      expect(parseRoute(url.pathname, url.hash)).toEqual(route);
    }
  });

  test("that say nothing lead to the list", () => {
    expect(parseRoute("/chats/not-an-id", "")).toEqual({ chat: null, details: false });
    expect(parseRoute("/chats/", "#details")).toEqual({ chat: null, details: false });
    expect(parseRoute(`/chats/${chat.toUpperCase()}/`, "").chat).toBe(chat);
  });

  test("may ask for the devices", () => {
    expect(devicesAskedFor("#devices")).toBe("list");
    expect(devicesAskedFor("#link")).toBe("code");
    expect(devicesAskedFor("#details")).toBeNull();
    expect(devicesAskedFor("")).toBeNull();
  });

  test("may ask to join a group", () => {
    expect(joinAskedFor("#join/0A-b_9")).toBe("0A-b_9");
    for (const hash of ["", "#join", "#join/", "#join/a/b", "#join/%20", "#details"]) expect(joinAskedFor(hash)).toBeNull();
  });
});
