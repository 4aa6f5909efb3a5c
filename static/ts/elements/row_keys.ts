// Going through rows by the arrow keys: one stop for the tabulator among them.

/** `above`: where one goes on over the first row. */
export function arrowRows(event: KeyboardEvent, rows: readonly HTMLElement[], above: () => void): void {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const at = rows.findIndex((row) => row === document.activeElement);
  if (at < 0) return;
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  if (to < 0) {
    above();
    return;
  }
  const row = rows[Math.min(to, rows.length - 1)];
  if (!row) return;
  stopAt(rows, row);
  row.focus();
}

export function stopAt(rows: readonly HTMLElement[], stop: HTMLElement | undefined): void {
  for (const row of rows) row.tabIndex = row === stop ? 0 : -1;
}
