/** A shortcut is written as "mod+k", alternatives with a space between them. `mod` is Ctrl, and Cmd on a Mac. */
export const MAC = navigator.platform.startsWith("Mac");

/** The keys of an event; "" if they are for the system or the text field. */
export function pressed(event: KeyboardEvent): string {
  const [mod, other] = MAC ? [event.metaKey, event.ctrlKey] : [event.ctrlKey, event.metaKey];
  if (event.altKey || other || event.isComposing) return "";
  // With Caps Lock, "k" is "K" although Shift is up.
  const key = event.shiftKey ? event.key : event.key.toLowerCase();
  return mod ? `mod+${key}` : key;
}
