import type { RestoreTo } from "../bindings/RestoreTo";
import type { TargetView } from "../bindings/TargetView";
import type { UiError } from "../bindings/UiError";
import type { Backend } from "../ipc/backend";
import { asUiError } from "../ipc/error";

/** The target is looked at once typing pauses, milliseconds. */
const PAUSE = 400;

/** What the program finds at the target of a restore, before it starts. */
export class Target {
  busy = $state(false);
  found = $state<TargetView | null>(null);
  refused = $state<UiError | null>(null);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private latest: RestoreTo | null = null;

  look(backend: Backend, snapshot: string, to: RestoreTo | null): void {
    clearTimeout(this.timer);
    this.latest = to;
    this.found = null;
    this.refused = null;
    this.busy = to !== null;
    if (to !== null) this.timer = setTimeout(() => void this.ask(backend, snapshot, to), PAUSE);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.latest = null;
  }

  private async ask(backend: Backend, snapshot: string, to: RestoreTo): Promise<void> {
    try {
      const found = await backend.checkTarget(snapshot, to);
      if (this.latest === to) this.found = found;
    } catch (thrown) {
      if (this.latest === to) this.refused = asUiError(thrown);
    } finally {
      if (this.latest === to) this.busy = false;
    }
  }
}
