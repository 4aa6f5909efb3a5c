import { describe, expect, test } from "vitest";
import { sends, shortcutOf } from "./shortcuts";

describe("keys", () => {
  const key = { altKey: false, ctrlKey: false, metaKey: false, shiftKey: false, isComposing: false, keyCode: 0 };

  test("are shortcuts, and letters where one types", () => {
    expect(shortcutOf({ ...key, key: "k", ctrlKey: true }, true)).toBe("jump");
    expect(shortcutOf({ ...key, key: "K", metaKey: true }, false)).toBe("jump");
    expect(shortcutOf({ ...key, key: "ArrowDown", altKey: true }, true)).toBe("next");
    expect(shortcutOf({ ...key, key: "ArrowUp", altKey: true }, false)).toBe("previous");
    expect(shortcutOf({ ...key, key: "Escape" }, true)).toBe("back");
    expect(shortcutOf({ ...key, key: "/" }, false)).toBe("search");
    expect(shortcutOf({ ...key, key: "/" }, true)).toBeNull();
    expect(shortcutOf({ ...key, key: "?" }, false)).toBe("help");
    expect(shortcutOf({ ...key, key: "?" }, true)).toBeNull();
    expect(shortcutOf({ ...key, key: "Escape", isComposing: true }, true)).toBeNull();
    expect(shortcutOf({ ...key, key: "a" }, false)).toBeNull();
  });

  test("send with Enter alone, and not in the middle of a word of an input method", () => {
    expect(sends({ ...key, key: "Enter" })).toBe(true);
    expect(sends({ ...key, key: "Enter", shiftKey: true })).toBe(false);
    expect(sends({ ...key, key: "Enter", isComposing: true })).toBe(false);
    expect(sends({ ...key, key: "Enter", keyCode: 229 })).toBe(false);
    expect(sends({ ...key, key: "a" })).toBe(false);
  });
});
