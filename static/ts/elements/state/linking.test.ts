import { beforeEach, describe, expect, test } from "vitest";
import { settled } from "../tests/clock";
import { FakeMessenger } from "../tests/fake";
import { Linking } from "./linking";

let fake: FakeMessenger;
let linking: Linking;
let done: number;

beforeEach(() => {
  fake = new FakeMessenger();
  done = 0;
  linking = new Linking(fake, () => (done += 1));
});

describe("linking this browser", () => {
  test("shows the code, and goes on as the other device does", async () => {
    expect(linking.step).toBe("making");
    await linking.begin();
    expect(linking).toMatchObject({ step: "waiting", code: fake.code });
    fake.tell({ type: "link", link: { step: "approved" } });
    expect(linking.step).toBe("approved");
    expect(done).toBe(0);
    fake.tell({ type: "link", link: { step: "done" } });
    expect(done).toBe(1);
  });

  test("keeps what was told while the code was being made", async () => {
    const made = linking.begin();
    fake.tell({ type: "link", link: { step: "waiting" } });
    await made;
    expect(linking).toMatchObject({ step: "waiting", code: fake.code });
  });

  test("that fails says why, and begins again with another code", async () => {
    await linking.begin();
    fake.tell({ type: "link", link: { step: "failed", why: "The code has ended." } });
    expect(linking).toMatchObject({ step: "failed", why: "The code has ended." });
    fake.code = "1".repeat(200);
    await linking.begin();
    expect(linking).toMatchObject({ step: "waiting", code: "1".repeat(200) });
  });

  test("without a code says why", async () => {
    fake.failing = "There is no connection.";
    await linking.begin();
    expect(linking).toMatchObject({ step: "failed", why: "There is no connection.", code: "" });
  });

  test("that was stopped hears nothing more, and stops once", async () => {
    await linking.begin();
    await linking.stop();
    await linking.stop();
    fake.tell({ type: "link", link: { step: "done" } });
    await settled();
    expect(done).toBe(0);
    expect(fake.calls).toEqual(["link", "stopLinking"]);
  });
});
