import { tick } from "svelte";

const FIELD = "input:not([type=radio], [type=checkbox], [type=search], [readonly], :disabled), textarea:not(:disabled)";

/** Moves the focus to the heading after a view change, for screen readers and keyboard users. */
export async function focusHeading(within: HTMLElement | undefined): Promise<void> {
  await tick();
  const heading = within?.querySelector<HTMLElement>("h1");
  if (heading) {
    heading.tabIndex = -1;
    heading.focus();
  }
}

/** Moves the focus to the first empty field, else to the first field, else to the heading. */
export async function focusFirst(within: HTMLElement | undefined): Promise<void> {
  await tick();
  const fields = [...(within?.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>(FIELD) ?? [])];
  const field = fields.find((one) => one.value === "") ?? fields[0];
  if (field) field.focus();
  else await focusHeading(within);
}

/** The page's own search. */
export function searchField(): HTMLInputElement | null {
  return document.querySelector("main input[type=search]");
}
