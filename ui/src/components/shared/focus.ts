import { tick } from "svelte";

/** Moves the focus to the heading after a view change, for screen readers and keyboard users. */
export async function focusHeading(within: HTMLElement | undefined): Promise<void> {
  await tick();
  const heading = within?.querySelector<HTMLElement>("h1");
  if (heading) {
    heading.tabIndex = -1;
    heading.focus();
  }
}

/** The page's own search. */
export function searchField(): HTMLInputElement | null {
  return document.querySelector("main input[type=search]");
}
