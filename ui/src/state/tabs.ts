import { TABS, type Tab } from "./app.svelte";

const key = (kind: string, name: string): string => `tab ${kind}/${name}`;

/** The tab last used for a source. */
export function rememberedTab(kind: string, name: string): Tab {
  const kept = localStorage.getItem(key(kind, name));
  return TABS.find((tab) => tab === kept) ?? "snapshots";
}

export function rememberTab(kind: string, name: string, tab: Tab): void {
  localStorage.setItem(key(kind, name), tab);
}
