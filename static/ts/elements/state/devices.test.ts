import { beforeEach, describe, expect, test } from "vitest";
import type { DeviceInfo } from "../../client/model";
import { settled } from "../tests/clock";
import { FakeMessenger, id } from "../tests/fake";
import { Devices, inGroups, looksLikeCode, numbered } from "./devices";

const CODE = "0123456789ABCDEFGHJKMNPQRSTVWXYZ".repeat(7).slice(0, 200);
const HISTORY = { history: true, managing: false };
let fake: FakeMessenger;
let devices: Devices;

beforeEach(async () => {
  fake = new FakeMessenger();
  fake.ownDevices = [device(1, { thisOne: true, managing: true }), device(2), device(3, { managing: true })];
  devices = new Devices(fake, Promise.resolve());
  devices.open("list");
  await settled();
  fake.calls.length = 0;
});

function device(number: number, more: Partial<DeviceInfo> = {}): DeviceInfo {
  return {
    id: id("d", number),
    name: `device ${number}`,
    platform: "browser",
    lastSeen: 0,
    thisOne: false,
    managing: false,
    listed: true,
    suspended: false,
    ...more,
  };
}

async function end(number: number): Promise<string[]> {
  const ended = devices.all?.[number - 1];
  if (ended) devices.askToEnd(ended);
  await devices.end();
  await settled();
  return fake.calls.filter((call) => /suspend|remove/.test(call));
}

describe("the devices", () => {
  test("are fetched when they are opened, and again when they have changed", async () => {
    expect(devices.all).toHaveLength(3);
    expect(devices.canManage).toBe(true);
    fake.ownDevices = fake.ownDevices.slice(0, 1);
    fake.tell({ type: "devices" });
    await settled();
    expect(devices.all).toHaveLength(1);
  });

  test("are not asked for before the client has started", async () => {
    let start = (): void => undefined;
    devices = new Devices(fake, new Promise((resolve) => (start = resolve)));
    devices.open("list");
    await settled();
    expect(fake.calls).toEqual([]);
    start();
    await settled();
    expect(devices.all).toHaveLength(3);
  });

  test("are linked as soon as the client has started, however early the code was given", async () => {
    let start = (): void => undefined;
    devices = new Devices(fake, new Promise((resolve) => (start = resolve)));
    devices.open("code");
    const reading = devices.read(CODE);
    await settled();
    expect(fake.calls).toEqual([]);
    expect(devices.busy).toBe(true);
    start();
    await reading;
    expect(devices.view.name).toBe("approve");
  });

  test("are not fetched while nobody looks", async () => {
    devices.close();
    fake.tell({ type: "devices" });
    await settled();
    expect(fake.calls).toEqual([]);
  });

  test("that cannot be fetched say why", async () => {
    fake.failing = "There is no connection.";
    await devices.refresh();
    expect(devices.failed).toBe("There is no connection.");
    fake.failing = "";
    await devices.refresh();
    expect(devices.failed).toBe("");
  });

  test("are listed instead of linked where this one cannot do that", async () => {
    fake.managing = false;
    devices.open("code");
    await settled();
    expect(devices.view.name).toBe("list");
  });
});

describe("linking a device", () => {
  beforeEach(() => devices.show("code"));

  test("reads its code, asks, and approves", async () => {
    await devices.read(CODE);
    expect(devices.view).toMatchObject({ name: "approve", device: fake.newDevice });
    await devices.approve(HISTORY);
    expect(devices.view).toMatchObject({ name: "linked", device: fake.newDevice, history: true });
    expect(fake.calls).toContain(`approveLink ${CODE} ${JSON.stringify(HISTORY)}`);
  });

  test("stays where it was when the code is refused, and says why", async () => {
    fake.failing = "That code is not of your account.";
    await devices.read(CODE);
    expect(devices.view.name).toBe("code");
    expect(devices.why).toBe("That code is not of your account.");
    fake.failing = "";
    await devices.read(CODE);
    expect(devices.why).toBe("");
  });

  test("goes on while the dialog is closed", async () => {
    await devices.read(CODE);
    const approved = devices.approve(HISTORY);
    devices.close();
    devices.open("list");
    expect(devices.view.name).toBe("approve");
    await approved;
    expect(devices.view.name).toBe("linked");
  });

  test("is forgotten when the dialog is closed before", async () => {
    await devices.read(CODE);
    devices.close();
    expect(devices.view.name).toBe("list");
    await devices.approve(HISTORY);
    expect(fake.calls.some((call) => call.startsWith("approveLink"))).toBe(false);
  });
});

describe("ending a device", () => {
  test("signs it out and takes it off the list", async () => {
    expect(await end(2)).toEqual([`removeDevice ${id("d", 2)} {"newIdentity":false}`]);
    expect(devices.view.name).toBe("list");
    expect(devices.all?.[1]).toMatchObject({ suspended: true, listed: false });
  });

  test("that held the account key makes a new identity", async () => {
    expect((await end(3)).at(-1)).toBe(`removeDevice ${id("d", 3)} {"newIdentity":true}`);
  });

  test("only signs it out where this one cannot manage", async () => {
    fake.managing = false;
    await devices.refresh();
    expect(await end(3)).toEqual([`suspendDevice ${id("d", 3)}`]);
  });

  test("only signs it out where it was never linked", async () => {
    fake.ownDevices = [device(1, { listed: false })];
    await devices.refresh();
    expect(await end(1)).toEqual([`suspendDevice ${id("d", 1)}`]);
  });

  test("only takes it off the list where it is signed out already", async () => {
    fake.ownDevices = [device(1, { suspended: true })];
    await devices.refresh();
    expect(await end(1)).toEqual([`removeDevice ${id("d", 1)} {"newIdentity":false}`]);
  });

  test("that fails says why and can be tried again", async () => {
    fake.failing = "There is no connection.";
    await end(2);
    expect(devices).toMatchObject({ view: { name: "end" }, why: "There is no connection.", busy: false });
  });
});

test("a code is known by its form, however it is written", () => {
  expect(looksLikeCode(CODE)).toBe(true);
  expect(looksLikeCode(` ${inGroups(CODE.toLowerCase()).join("-")}\n`)).toBe(true);
  expect(looksLikeCode(`O${CODE.slice(1)}`)).toBe(true);
  for (const other of ["", "https://example.org", CODE.slice(1), `${CODE}0`, `U${CODE.slice(1)}`]) {
    expect(looksLikeCode(other)).toBe(false);
  }
});

test("devices of one name are numbered as they came, wherever they stand", () => {
  const names = numbered([
    device(3, { name: "Chrome" }),
    device(1, { name: "Chrome" }),
    device(2, { name: "Firefox" }),
    device(4, { name: "Chrome" }),
  ]).map((one) => one.name);
  expect(names).toEqual(["Chrome (2)", "Chrome", "Firefox", "Chrome (3)"]);
});
