// The Worker: the client lives here, away from the page, alone with its store.
import { browserEnvironment } from "./browser";
import type { Port } from "./calls";
import { createMessenger } from "./facade";
import { serve } from "./serving";

const scope = globalThis as unknown as Port & EventTarget & { close(): void };
const { fail } = serve(scope, createMessenger(browserEnvironment()));

// What nobody foresaw ends the client where the person sees it. The browser closes the store and frees the lock.
const end = (): void => {
  fail();
  scope.close();
};
scope.addEventListener("error", end);
scope.addEventListener("unhandledrejection", end);
