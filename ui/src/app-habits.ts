/** Takes away what a browser does and an app does not: the menu with "Reload", and selecting the whole page. */

/** Where a key is text. */
export const TEXT = "input:not([type=checkbox], [type=radio]), textarea, [contenteditable]";

function selects(element: Element): boolean {
  return getComputedStyle(element).webkitUserSelect !== "none" && getSelection()?.isCollapsed === false;
}

export function asInAnApp(document: Document): void {
  document.addEventListener("contextmenu", (event) => {
    const at = event.target;
    if (!(at instanceof Element) || (at.closest(TEXT) === null && !selects(at))) event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    const all = event.key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey);
    if (all && !(event.target instanceof Element && event.target.closest(TEXT) !== null)) event.preventDefault();
  });
  // Pictures and links would follow the pointer.
  document.addEventListener("dragstart", (event) => event.preventDefault());
}
