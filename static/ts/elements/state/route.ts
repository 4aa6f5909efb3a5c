// Where the page is: the chat in its address, and whether the details are open.

export interface Route {
  readonly chat: string | null;
  readonly details: boolean;
}

const PATH = /^\/chats\/([0-9a-f-]{36})\/?$/i;

export function parseRoute(path: string, hash: string): Route {
  const chat = PATH.exec(path)?.[1]?.toLowerCase() ?? null;
  return { chat, details: chat !== null && hash === "#details" };
}

export function formatRoute(route: Route): string {
  if (route.chat === null) return "/chats/";
  return `/chats/${route.chat}${route.details ? "#details" : ""}`;
}

/** The code of a group's link that an address asks to join by. */
export function joinAskedFor(hash: string): string | null {
  return /^#join\/([0-9A-Za-z_-]{1,1000})$/.exec(hash)?.[1] ?? null;
}

/** What of the account's devices an address asks to see. */
export function devicesAskedFor(hash: string): "list" | "code" | null {
  return hash === "#devices" ? "list" : hash === "#link" ? "code" : null;
}
