const KEY = "checklist";

/** Whether Overview shows what is left to set up: from the first run until all of it is done, or it is hidden. */
class Checklist {
  shown = $state(localStorage.getItem(KEY) === "open");
  /** Brought back by the user, so it stays although all is done. */
  wanted = $state(false);

  open(): void {
    this.shown = true;
    localStorage.setItem(KEY, "open");
  }

  bringBack(): void {
    this.open();
    this.wanted = true;
  }

  close(): void {
    this.shown = this.wanted = false;
    localStorage.removeItem(KEY);
  }
}

export const checklist = new Checklist();
