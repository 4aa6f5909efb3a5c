// Lists that come in pages (docs/api.md), read to the last one.
import * as forms from "./forms";
import type { Json } from "./forms";

const MOST_PAGES = 1_000; // of a list, 500 entries each: nobody has as many

export type Caller = (method: string, path: string, body?: Json) => Promise<Json>;

/** The entries of a list, the member `name` of its answers. Throws Defect for pages without end. */
export async function listed(call: Caller, path: string, name: string): Promise<unknown[]> {
  const found: unknown[] = [];
  let query = "";
  for (let page = 0; page < MOST_PAGES; page++) {
    const answer = await call("GET", `${path}${query}`);
    for (const one of forms.items(answer[name])) found.push(one);
    if (answer.next === undefined || answer.next === null) return found;
    query = `?cursor=${encodeURIComponent(forms.string(answer.next))}`;
  }
  throw forms.nonsense();
}
