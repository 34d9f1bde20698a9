/** `system` follows the desktop. */
export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "theme";

function remembered(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}

function apply(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

class Look {
  theme = $state<Theme>(remembered());

  choose(theme: Theme): void {
    this.theme = theme;
    localStorage.setItem(KEY, theme);
    apply(theme);
  }
}

export const look = new Look();
apply(look.theme);
