import type { PanelWords } from "../bindings/PanelWords";
import type { Words } from "../words/en";

/** The texts outside the page. The menu bar's commands are called as in the palette. */
export function panelWords(words: Words): PanelWords {
  const panel = words.panel;
  const menu = words.menu;
  const { nav, palette } = words;
  return {
    ...panel,
    menu: {
      ...menu,
      add: words.home.add,
      search: palette.searchPage,
      home: nav.home,
      snapshots: nav.snapshots,
      devices: nav.devices,
      activity: nav.activity,
      settings: nav.settings,
      palette: palette.title,
      shortcuts: palette.shortcuts,
      quit: words.leave.quit,
    },
  };
}
