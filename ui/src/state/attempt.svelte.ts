import type { UiError } from "../bindings/UiError";
import { asUiError } from "../ipc/error";

/** An action of the user: whether it is in progress, and why it failed. */
export class Attempt {
  busy = $state(false);
  error = $state<UiError | null>(null);

  /** Returns whether it succeeded. */
  async run(what: () => Promise<void>): Promise<boolean> {
    this.busy = true;
    this.error = null;
    try {
      await what();
    } catch (thrown) {
      this.error = asUiError(thrown);
    } finally {
      this.busy = false;
    }
    return this.error === null;
  }
}
