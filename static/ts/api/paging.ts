// Lists that come in pages (docs/api.md), read to the last one.
import * as forms from "./forms";
import type { Json } from "./forms";

const MOST_PAGES = 1_000; // of a list: nobody has as many
const MOST_ENTRIES = 500; // of a page

export type Caller = (method: string, path: string, body?: Json) => Promise<Json>;

/** The entries of a list, the member `name` of its answers. Throws Defect for pages, or a page, without end. */
export async function listed(call: Caller, path: string, name: string): Promise<unknown[]> {
  const found: unknown[] = [];
  let query = "";
  for (let page = 0; page < MOST_PAGES; page++) {
    const answer = await call("GET", `${path}${query}`);
    const entries = forms.items(answer[name]);
    if (entries.length > MOST_ENTRIES) break;
    found.push(...entries);
    if (answer.next === undefined || answer.next === null) return found;
    query = `?cursor=${encodeURIComponent(forms.string(answer.next))}`;
  }
  throw forms.nonsense();
}
