// The REST API (docs/api.md), one method a call; envelopes and sends go by the socket. Decides nothing; keeps nothing.
import { encodeBase64url } from "../lib/base64url";
import { Refused, WrongUse } from "../lib/errors";
import { uuid } from "../lib/uuid";
import type { SignedPrekey } from "../protocol/prekeys";

import * as answers from "./answers";
import type {
  Chat,
  Claimed,
  ContactState,
  Directory,
  LinkSlot,
  OwnDevice,
  PrekeyCounts,
  Profile,
  Status,
  Target,
  TokenPair,
} from "./answers";
import * as forms from "./forms";
import type { Json } from "./forms";
import { GroupCalls } from "./groups";
import { Http } from "./http";
import { OpenCalls } from "./open_chats";
import { listed } from "./paging";
import type { Credentials, Fetch } from "./http";

export { accepted, directory, statusesOfFrame, waitingOrNone } from "./answers";
export type * from "./answers";
export { head as groupHead } from "./groups";
export type { GroupHead, GroupListed, LinkProof, Operations } from "./groups";
export { openAccepted, openMessage, PAGE as OPEN_PAGE } from "./open_chats";
export type { OpenDetails, OpenListed, OpenMatch, OpenMessage } from "./open_chats";
export type { Json } from "./forms";
export type { Credentials, Fetch } from "./http";

/** What a device publishes of its prekeys. */
export interface Publication {
  readonly signedPrekey: SignedPrekey | null;
  readonly lastResort: SignedPrekey | null;
  readonly oneTime: readonly SignedPrekey[];
  readonly oneTimeKem: readonly SignedPrekey[];
}

/** Which lists of an account are wanted. */
export interface Asked {
  readonly account: Uint8Array;
  readonly since: number | null;
  readonly key?: Uint8Array | null; // the account key that is pinned
}

/** One server. `credentials` gives device tokens; the calls of Sign-in take theirs as arguments. */
export class Api {
  readonly groups = new GroupCalls((method, path, body) => this.#call(method, path, body));
  readonly open = new OpenCalls((method, path, body) => this.#call(method, path, body));
  readonly #http: Http;
  readonly #credentials: Credentials;

  constructor(origin: string, credentials: Credentials, fetch: Fetch) {
    this.#http = new Http(origin, fetch);
    this.#credentials = credentials;
  }

  // Sign-in

  /** Tokens of the account that this browser is signed in to: the one call that goes by the page's session. */
  async sessionToken(csrf: string): Promise<TokenPair> {
    return answers.tokenPair(await this.#http.call("POST", "auth/token/session", { body: {}, csrf }));
  }

  async refresh(refresh: string): Promise<TokenPair> {
    return answers.tokenPair(await this.#http.call("POST", "auth/token/refresh", { body: { refresh } }));
  }

  async registerDevice(token: string, name: string, platform: string, signingKey: Uint8Array): Promise<Uint8Array> {
    const body = { name, platform, signing_key: encodeBase64url(signingKey) };
    return forms.identifier((await this.#http.call("POST", "devices", { body, token })).id);
  }

  async challenge(device: Uint8Array, token: string | null): Promise<Uint8Array> {
    const body = { device: uuid(device) };
    return forms.bytes((await this.#http.call("POST", "auth/device/challenge", { body, token })).nonce);
  }

  /** Answer a challenge, with an account token. */
  async prove(
    device: Uint8Array,
    nonce: Uint8Array,
    signature: Uint8Array,
    { token }: { readonly token: string },
  ): Promise<TokenPair> {
    const body = { device: uuid(device), nonce: encodeBase64url(nonce), signature: encodeBase64url(signature) };
    return answers.tokenPair(await this.#http.call("POST", "auth/device/token", { body, token }));
  }

  // People

  async account(usernameOrId: string): Promise<Profile> {
    return answers.profile(await this.#call("GET", `accounts/${encoded(usernameOrId)}`));
  }

  /** Accounts whose username begins like this, oneself excluded; at most ten. */
  async find(prefix: string): Promise<Profile[]> {
    const answer = await this.#call("GET", `accounts?prefix=${encoded(prefix)}`);
    return forms.items(answer.accounts).map(answers.profile);
  }

  async contacts(): Promise<ContactState[]> {
    return (await this.#listed("contacts")).map(answers.contact);
  }

  async answerContact(account: Uint8Array, verb: "accept" | "block" | "unblock"): Promise<ContactState> {
    return answers.contact(await this.#call("POST", `contacts/${uuid(account)}/${verb}`, {}));
  }

  // Keys

  /** Publish a list. `replaces`: the hash of the newest one, which a list under a new account key takes the place of. */
  async publishList(signed: Uint8Array, replaces: Uint8Array | null = null): Promise<void> {
    const more = replaces === null ? {} : { replaces: encodeBase64url(replaces) };
    await this.#call("PUT", "keys/device-list", { ...answers.toSignedObject(signed), ...more });
  }

  /** Read lists: those above a seq, or the newest one. With the key that is pinned: all, where it is another one now. */
  async directory(accounts: readonly Asked[]): Promise<Directory[]> {
    const asked = accounts.map(({ account, since, key = null }) => {
      const parts = [uuid(account), ...(since === null ? [] : [since, ...(key === null ? [] : [encodeBase64url(key)])])];
      return `account=${parts.join(":")}`;
    });
    const answer = await this.#call("GET", `keys/directory?${asked.join("&")}`);
    return forms.items(answer.accounts).map(answers.directory);
  }

  async publishPrekeys(publication: Publication): Promise<void> {
    const object = (prekey: SignedPrekey): Json => answers.toSignedObject(prekey.toBytes());
    const { signedPrekey, lastResort, oneTime, oneTimeKem } = publication;
    await this.#call("POST", "keys/prekeys", {
      ...(signedPrekey === null ? {} : { signed_prekey: object(signedPrekey) }),
      ...(lastResort === null ? {} : { last_resort: object(lastResort) }),
      ...(oneTime.length === 0 ? {} : { one_time: oneTime.map(object) }),
      ...(oneTimeKem.length === 0 ? {} : { one_time_kem: oneTimeKem.map(object) }),
    });
  }

  async prekeyCounts(): Promise<PrekeyCounts> {
    return answers.prekeyCounts(await this.#call("GET", "keys/prekeys"));
  }

  async claim(devices: readonly Target[]): Promise<Claimed> {
    const asked = devices.map(({ account, device }) => ({ account: uuid(account), device: uuid(device) }));
    return answers.claimed(await this.#call("POST", "keys/claim", { devices: asked }));
  }

  // One's own devices

  async devices(): Promise<OwnDevice[]> {
    return (await this.#listed("devices")).map(answers.ownDevice);
  }

  async suspend(device: Uint8Array): Promise<void> {
    await this.#call("POST", `devices/${uuid(device)}/suspend`, {});
  }

  /** What was left for a device that is being linked; null while nothing is, and once it is listed. */
  async linkSlot(device: Uint8Array): Promise<LinkSlot | null> {
    try {
      return answers.linkSlot(await this.#call("GET", `keys/links/${uuid(device)}`));
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return null;
      throw error;
    }
  }

  async offerLink(device: Uint8Array, offer: Uint8Array): Promise<void> {
    await this.#call("PUT", `keys/links/${uuid(device)}/offer`, { offer: encodeBase64url(offer) });
  }

  async answerLink(device: Uint8Array, answer: Uint8Array): Promise<void> {
    await this.#call("PUT", `keys/links/${uuid(device)}/answer`, { answer: encodeBase64url(answer) });
  }

  // Chats

  /** What became of own messages; with a chat or group, also which of those received there own devices have read. */
  async statuses(
    messages: readonly Uint8Array[],
    { chat, group }: { readonly chat?: Uint8Array; readonly group?: Uint8Array } = {},
  ): Promise<Status[]> {
    const place = { ...(chat === undefined ? {} : { chat: uuid(chat) }), ...(group === undefined ? {} : { group: uuid(group) }) };
    const body = { messages: messages.map(uuid), ...place };
    const answer = await this.#call("POST", "messages/statuses", body);
    return forms.items(answer.statuses).map(answers.status);
  }

  async chats(): Promise<Chat[]> {
    return (await this.#listed("chats")).map(answers.chat);
  }

  #listed(name: "chats" | "contacts" | "devices"): Promise<unknown[]> {
    return listed((method, path) => this.#call(method, path), name, name);
  }

  #call(method: string, path: string, body?: Json): Promise<Json> {
    return this.#http.callSignedIn(this.#credentials, method, path, body);
  }
}

function encoded(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    throw new WrongUse("That is nothing that a server can be asked for.");
  }
}
