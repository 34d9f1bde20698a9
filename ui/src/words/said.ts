import type { Message } from "../bindings/Message";
import type { PartView } from "../bindings/PartView";
import type { TextView } from "../bindings/TextView";
import type { Words } from "./en";

/** A catalog: a sentence for each English template. English needs none. */
export type Reasons = Record<string, string>;

/** A sentence of the core, and its language if the catalog does not have it. */
export function told(reasons: Reasons, text: TextView): { sentence: string; lang: "en" | undefined } {
  const known = Object.hasOwn(reasons, text.template);
  // A sentence is of one language: within an English one, nothing is translated.
  return known ? { sentence: filled(text, reasons), lang: undefined } : { sentence: filled(text, {}), lang: "en" };
}

/** A sentence of the program, in the user's language if there are words for it. */
export function said(words: Words, reasons: Reasons, message: Message): string {
  const parts = message.arguments.map((part) => shown(part, reasons));
  const sentence = words.messages[message.id]?.(...parts) ?? message.text;
  // Sentences of the core follow a colon elsewhere, and start in lower case.
  return message.id === "other" ? sentence.charAt(0).toUpperCase() + sentence.slice(1) : sentence;
}

function filled(text: TextView, reasons: Reasons): string {
  const template = Object.hasOwn(reasons, text.template) ? (reasons[text.template] ?? "") : text.template;
  const parts = new Map(text.parts);
  return template.replaceAll(/\{(\w+)\}/g, (place, name: string) => {
    const part = parts.get(name);
    return part === undefined ? place : shown(part, reasons);
  });
}

function shown(part: PartView, reasons: Reasons): string {
  if (typeof part === "string") return part;
  return Array.isArray(part) ? part.map((text) => filled(text, reasons)).join("; ") : filled(part, reasons);
}
