import type { Message } from "../bindings/Message";
import type { Words } from "./en";

/** A sentence of the program, in the user's language if there are words for it. */
export function said(words: Words, message: Message): string {
  return words.messages[message.id]?.(...message.arguments) ?? message.text;
}
