// The REST API (docs/api.md), one method a call; envelopes and sends go by the socket. Decides nothing; keeps nothing.
import { encodeBase64url } from "../lib/base64url";
import { WrongUse } from "../lib/errors";
import { uuid } from "../lib/uuid";
import type { SignedPrekey } from "../protocol/prekeys";

import * as answers from "./answers";
import type {
  Claimed,
  ContactState,
  Directory,
  PrekeyCounts,
  Profile,
  Status,
  Target,
  TokenPair,
} from "./answers";
import * as forms from "./forms";
import type { Json } from "./forms";
import { Http } from "./http";
import type { Credentials, Fetch } from "./http";

export { accepted, directory, statusesOfFrame, waitingOrNone } from "./answers";
export type * from "./answers";
export type { Json } from "./forms";
export type { Credentials, Fetch } from "./http";

/** What a device publishes of its prekeys. */
export interface Publication {
  readonly signedPrekey: SignedPrekey | null;
  readonly lastResort: SignedPrekey | null;
  readonly oneTime: readonly SignedPrekey[];
  readonly oneTimeKem: readonly SignedPrekey[];
}

/** One server. `credentials` gives device tokens; the calls of Sign-in take theirs as arguments. */
export class Api {
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
    return forms.items((await this.#call("GET", "contacts")).contacts).map(answers.contact);
  }

  async answerContact(account: Uint8Array, verb: "accept" | "block" | "unblock"): Promise<ContactState> {
    return answers.contact(await this.#call("POST", `contacts/${uuid(account)}/${verb}`, {}));
  }

  // Keys

  async publishList(signed: Uint8Array): Promise<void> {
    await this.#call("PUT", "keys/device-list", answers.toSignedObject(signed));
  }

  /** Read lists: those above a seq, or the newest one. */
  async directory(
    accounts: readonly { readonly account: Uint8Array; readonly since: number | null }[],
  ): Promise<Directory[]> {
    const asked = accounts.map(({ account, since }) =>
      since === null ? `account=${uuid(account)}` : `account=${uuid(account)}:${since}`,
    );
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

  // Chats

  async statuses(messages: readonly Uint8Array[]): Promise<Status[]> {
    const answer = await this.#call("POST", "messages/statuses", { messages: messages.map(uuid) });
    return forms.items(answer.statuses).map(answers.status);
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
