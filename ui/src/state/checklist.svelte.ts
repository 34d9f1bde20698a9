const KEY = "checklist";

/** Whether Overview shows what is left to set up: from the first run until all of it is done, or it is hidden. */
class Checklist {
  shown = $state(localStorage.getItem(KEY) === "open");

  open(): void {
    this.shown = true;
    localStorage.setItem(KEY, "open");
  }

  close(): void {
    this.shown = false;
    localStorage.removeItem(KEY);
  }
}

export const checklist = new Checklist();
