import type { PanelWords } from "../bindings/PanelWords";
import type { Words } from "../words/en";

/** The texts outside the page. The menu bar's commands are called as in the palette. */
export function panelWords(w: Words): PanelWords {
  const { panel, menu, nav } = w;
  return {
    ...panel,
    menu: {
      ...menu,
      add: w.home.add,
      search: w.palette.searchPage,
      home: nav.home,
      snapshots: nav.snapshots,
      devices: nav.devices,
      activity: nav.activity,
      settings: nav.settings,
      palette: w.palette.title,
      shortcuts: w.palette.shortcuts,
      quit: w.leave.quit,
    },
  };
}
