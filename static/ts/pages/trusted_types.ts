// What strings may become scripts on this page: addresses of our own scripts, and nothing else.

const SCRIPTS = "/static/js/";

interface Policies {
  createPolicy(name: string, rules: { createScriptURL: (address: string) => string }): unknown;
}

/** Must run before anything starts a Worker. Does nothing in a browser without Trusted Types. */
export function allowOwnScripts(): void {
  const policies = (globalThis as { trustedTypes?: Policies }).trustedTypes;
  policies?.createPolicy("default", { createScriptURL: ownScript });
}

/** The address as it is, if it is one of our scripts. Throws otherwise, which refuses it. */
export function ownScript(address: string): string {
  const url = new URL(address, location.href);
  const own = url.origin === location.origin && url.pathname.startsWith(SCRIPTS) && url.pathname.endsWith(".js");
  if (!own) throw new TypeError("Only this site's own scripts are run.");
  return address;
}
