import { de } from "../words/de";
import { reasons } from "../words/de/reasons";
import { en, type Words } from "../words/en";
import type { Reasons } from "../words/said";

/** Languages with complete translations. */
export const LANGUAGES = { en: { name: "English", words: en, reasons: {} }, de: { name: "Deutsch", words: de, reasons } } as const;
export type Language = keyof typeof LANGUAGES;

const KEY = "language";

function remembered(): Language {
  const chosen = localStorage.getItem(KEY) ?? navigator.language.slice(0, 2);
  return chosen in LANGUAGES ? (chosen as Language) : "en";
}

class Chosen {
  language = $state<Language>(remembered());

  constructor() {
    // Until one is chosen, the system's, also if it is changed meanwhile.
    addEventListener("languagechange", () => this.use(remembered()));
  }

  get words(): Words {
    return LANGUAGES[this.language].words;
  }

  /** The core's sentences. */
  get reasons(): Reasons {
    return LANGUAGES[this.language].reasons;
  }

  choose(language: Language): void {
    localStorage.setItem(KEY, language);
    this.use(language);
  }

  private use(language: Language): void {
    this.language = language;
    document.documentElement.lang = language;
  }
}

/** The window's language. */
export const chosen = new Chosen();
document.documentElement.lang = chosen.language;
