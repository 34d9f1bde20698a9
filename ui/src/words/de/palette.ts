import type { palette as english } from "../en/palette";

/** The command palette and the list of shortcuts. */
export const palette: typeof english = {
  title: "Befehlspalette",
  search: "Suchen",
  placeholder: "Befehle und Datenbanken durchsuchen",
  open: (name) => `${name} öffnen`,
  inSnapshots: "Snapshots durchsuchen nach",
  recent: "Zuletzt verwendet",
  attention: "Handlungsbedarf",
  running: "Läuft gerade",
  commands: "Befehle",
  databases: "Datenbanken",
  more: (number) => `${number} weitere. Tippen Sie, um die Liste einzugrenzen.`,
  move: "Auswählen",
  run: "Ausführen",
  searchPage: "Diese Seite durchsuchen",
  shortcuts: "Tastenkürzel",
  everywhere: "Überall",
  or: "oder",
  inList: {
    move: "Nächster oder voriger Snapshot",
    extend: "Auswahl erweitern",
    inspect: "Details anzeigen oder verbergen",
    select: "Auswählen oder abwählen",
    selectAll: "Alle auswählen",
    compare: "2 ausgewählte vergleichen",
    copy: "ID kopieren",
    close: "Details schließen",
  },
  keys: { mod: "Strg", shift: "Umschalt", enter: "Eingabe", space: "Leertaste", esc: "Esc" },
};
