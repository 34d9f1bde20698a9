const KEY = "recent commands";
const MOST = 5;

/** The commands last used, the last one first. */
export function recent(): string[] {
  const kept = localStorage.getItem(KEY);
  return kept === null ? [] : kept.split("\n");
}

export function remember(command: string): void {
  localStorage.setItem(KEY, [command, ...recent().filter((one) => one !== command)].slice(0, MOST).join("\n"));
}
