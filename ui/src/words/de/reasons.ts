import { device } from "./reasons/device";
import { service } from "./reasons/service";
import { sources } from "./reasons/sources";
import { stored } from "./reasons/stored";

/** Sentences of the core by their English template, with the same `{parts}`. What the core says in English needs none. */
export const reasons: Record<string, string> = { ...device, ...service, ...sources, ...stored };
