import type { UiError } from "../bindings/UiError";
import { asUiError } from "../ipc/error";

/** Something that the user asked for: whether it goes on, and why it did not work. */
export class Attempt {
  busy = $state(false);
  error = $state<UiError | null>(null);

  /** Whether it worked. */
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
