// What reading a message has given, as the vectors and the Python core tell it.

import { hex } from "../bytes";
import type { Received } from "../session";
import { hexed, type Json } from "./json";

export function receivedJson(got: Received): { readonly [name: string]: Json } {
  return {
    padded: hex(got.sealed.padded),
    tag: hex(got.sealed.tag),
    failure: got.failure === null ? null : got.failure.code,
    session_id: hex(got.session.id),
    is_new_session: got.isNewSession,
    delete_prekeys: got.deletePrekeys.map(([label, keyId]) => [label, keyId]),
    used_psk: hexed(got.usedPsk),
    remember_ek: got.rememberEk === null ? null : hex(got.rememberEk.ekHash),
    dropped: got.dropped.map(hex),
  };
}
