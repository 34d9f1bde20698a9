import { databases } from "./de/databases";
import { errors } from "./de/errors";
import { firstRun } from "./de/first-run";
import { messages } from "./de/messages";
import { palette } from "./de/palette";
import { settings } from "./de/settings";
import { snapshots } from "./de/snapshots";
import type { Words } from "./en";

/** All texts shown to the user, in German. */
export const de: Words = {
  product: "Sealkeep",
  tagline: "Verschlüsselte Datenbank-Backups. Ihre Schlüssel verlassen das Gerät nie unverschlüsselt.",
  version: (version) => `Version ${version}`,
  back: "Zurück",
  next: "Weiter",
  cancel: "Abbrechen",
  close: "Schließen",
  copy: "Kopieren",
  copied: "Kopiert",
  tryAgain: "Erneut versuchen",
  loading: "Wird geladen …",
  show: "Anzeigen",
  hide: "Verbergen",
  details: "Details",

  nav: {
    label: "Hauptmenü",
    home: "Übersicht",
    snapshots: "Snapshots",
    devices: "Geräte",
    activity: "Aktivität",
    settings: "Einstellungen",
  },

  ...firstRun,
  ...databases,
  ...snapshots,
  ...settings,
  ...errors,
  ...messages,
  palette,
};
