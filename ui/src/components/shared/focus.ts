import { tick } from "svelte";

/** The view changed: who cannot see that hears the new heading, and the keyboard goes on from there. */
export async function focusHeading(within: HTMLElement | undefined): Promise<void> {
  await tick();
  const heading = within?.querySelector<HTMLElement>("h1");
  if (heading) {
    heading.tabIndex = -1;
    heading.focus();
  }
}
