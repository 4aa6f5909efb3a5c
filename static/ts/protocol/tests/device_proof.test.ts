// A device proves itself to one server, once.

import { beforeAll, expect, test } from "vitest";
import { EMPTY } from "../bytes";
import { proofPayload, proveDevice, verifyProof } from "../device_proof";
import { BadSignature, Malformed } from "../errors";
import { ready } from "../primitives";
import { makeCast } from "./cast";

beforeAll(ready);

const ORIGIN = "https://chat.example";
const NONCE = new Uint8Array(32).fill(1);

test("a proof holds for its server, device and nonce, and for nothing else", () => {
  const cast = makeCast();
  const { own } = cast.alice;
  const other = cast.charlie.own;
  const proof = proveDevice(own, ORIGIN, NONCE);
  type Arguments = [Uint8Array, string, Uint8Array, Uint8Array, Uint8Array];
  const right: Arguments = [own.signing.public, ORIGIN, own.account, own.device, NONCE];
  const wrong: Arguments = [
    other.signing.public,
    "https://evil.example",
    other.account,
    other.device,
    new Uint8Array(32),
  ];
  verifyProof(...right, proof);
  for (const index of right.keys()) {
    const changed: Arguments = [...right];
    changed.splice(index, 1, wrong[index] ?? "");
    expect(() => verifyProof(...changed, proof), String(index)).toThrow(BadSignature);
  }
});

test("another signature of the device is no proof", () => {
  const { own } = makeCast().alice;
  const payload = proofPayload(ORIGIN, own.account, own.device, NONCE);
  for (const label of ["spk", "devbind", "groupop"]) {
    const signature = own.signing.sign(label, payload);
    expect(() => verifyProof(own.signing.public, ORIGIN, own.account, own.device, NONCE, signature)).toThrow(
      BadSignature,
    );
  }
});

test.each([0, 15, 65])("a nonce of %i bytes is not signed: it could repeat, or is too long", (size) => {
  expect(() => proveDevice(makeCast().alice.own, ORIGIN, new Uint8Array(size))).toThrow(Malformed);
});

test("ids of another length are malformed", () => {
  const { own } = makeCast().alice;
  const verify = () => verifyProof(own.signing.public, ORIGIN, EMPTY, own.device, NONCE, new Uint8Array(64));
  expect(verify).toThrow(Malformed);
});
