/** The keys that move between the rows of a list; each row has one button that opens it. */
export function moveRow(event: KeyboardEvent & { currentTarget: HTMLElement }, opener: string): void {
  const at = event.target instanceof Element ? event.target : null;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || at === null || at.closest("input, textarea, select, [role=menu]") !== null) return;
  const buttons = [...event.currentTarget.querySelectorAll<HTMLElement>(opener)];
  const row = buttons.findIndex((one) => one.closest("li")?.contains(at) === true);
  const height = buttons[0]?.closest("li")?.offsetHeight ?? 0;
  if (row < 0 || height === 0) return;
  const page = Math.max(1, Math.floor((event.currentTarget.closest("main")?.clientHeight ?? innerHeight) / height) - 1);
  const last = buttons.length - 1;
  const to = { ArrowDown: row + 1, ArrowUp: row - 1, PageDown: row + page, PageUp: row - page, Home: 0, End: last }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  buttons[Math.max(0, Math.min(last, to))]?.focus();
}
