// One stop for the tabulator among many controls: the last one at first; the arrows go to the others.

/** After they were painted anew. The one that has the focus keeps the stop. */
export function rove(host: HTMLElement, selector: string): void {
  const all = [...host.querySelectorAll<HTMLElement>(selector)];
  const stop = all.find((one) => one === document.activeElement) ?? all[all.length - 1];
  for (const one of all) one.tabIndex = one === stop ? 0 : -1;
}

/** Go up or down by the arrow keys. */
export function roveByKey(event: KeyboardEvent, host: HTMLElement, selector: string): void {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (step === undefined || event.altKey) return;
  const all = [...host.querySelectorAll<HTMLElement>(selector)];
  const at = all.indexOf(event.target as HTMLElement);
  if (at < 0) return;
  event.preventDefault();
  all[at + step]?.focus();
}
