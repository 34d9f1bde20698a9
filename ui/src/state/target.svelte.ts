import type { RestoreTo } from "../bindings/RestoreTo";
import type { TargetView } from "../bindings/TargetView";
import type { UiError } from "../bindings/UiError";
import type { Backend } from "../ipc/backend";
import { asUiError } from "../ipc/error";

/** The target is looked at once typing pauses, milliseconds. */
const PAUSE = 400;
/** A refusal that the restore itself turns into a question. */
const ASKED = "may_be_copy";

/** What the program finds at the target of a restore, before it starts. */
export class Target {
  busy = $state(false);
  found = $state<TargetView | null>(null);
  refused = $state<UiError | null>(null);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private latest: RestoreTo | null = null;
  /** Asks about the same target. */
  private repeat: (() => void) | null = null;

  /** A restore to this target cannot start. */
  get blocks(): boolean {
    return this.refused !== null && this.refused.code !== ASKED;
  }

  look(backend: Backend, snapshot: string, to: RestoreTo | null, pause = PAUSE): void {
    clearTimeout(this.timer);
    this.latest = to;
    this.found = null;
    this.refused = null;
    this.busy = to !== null;
    if (to === null) return;
    this.repeat = () => this.look(backend, snapshot, to, 0);
    this.timer = setTimeout(() => void this.ask(backend, snapshot, to), pause);
  }

  /** The target may have changed meanwhile. */
  again(): void {
    this.repeat?.();
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
