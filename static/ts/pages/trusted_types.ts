// What strings may become scripts on this page: addresses of our own scripts, and nothing else.

const SCRIPTS = "/static/js/";
const SERVICE_WORKER = "/sw.js";

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
  const built = url.pathname.startsWith(SCRIPTS) && url.pathname.endsWith(".js");
  const own = url.origin === location.origin && (built || url.pathname === SERVICE_WORKER);
  if (!own) throw new TypeError("Only this site's own scripts are run.");
  return address;
}
