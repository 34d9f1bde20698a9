import type { ServiceView } from "../bindings/ServiceView";
import type { UiError } from "../bindings/UiError";
import { asUiError } from "../ipc/error";
import type { App } from "./app.svelte";

/** The service is looked at once typing pauses, milliseconds. */
const PAUSE = 400;
/** Only this computer is reached without encryption. */
const LOCAL = /^(localhost|127\.|\[::1\])/i;

/** What was typed, with the scheme that people leave out. */
function complete(typed: string): string {
  const text = typed.trim();
  if (text === "" || text.includes("://")) return text;
  return `${LOCAL.test(text) ? "http" : "https"}://${text}`;
}

/** The service for a new account: which one, and what it answers. */
export class Service {
  typed = $state("");
  busy = $state(false);
  found = $state<ServiceView | null>(null);
  refused = $state<UiError | null>(null);
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** The address whose answer counts. */
  private latest: string | null = null;

  constructor(private readonly app: App) {
    this.typed = this.known;
  }

  /** The one that is used unless another one is typed. */
  get known(): string {
    return this.app.info?.server ?? "";
  }

  /** Looks at what is typed, `now` or when typing pauses. */
  look(now = false): void {
    clearTimeout(this.timer);
    const address = complete(this.typed);
    this.latest = address;
    this.found = this.refused = null;
    this.busy = address !== "";
    if (address !== "") this.timer = setTimeout(() => void this.ask(address), now ? 0 : PAUSE);
  }

  /** Back to the known one. */
  reset(): void {
    this.typed = this.known;
    this.look(true);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.latest = null;
  }

  /** Remembers another one; rejects if it does not answer as a service. */
  async choose(): Promise<void> {
    const { info, backend } = this.app;
    const address = complete(this.typed);
    if (info === null || info.serverFixed || address === "" || address === info.server) return;
    if (this.found === null || this.latest !== address) await backend.checkService(address);
    this.app.info = { ...info, server: await backend.chooseService(address) };
  }

  private async ask(address: string): Promise<void> {
    try {
      const found = await this.app.backend.checkService(address);
      if (this.latest === address) this.found = found;
    } catch (thrown) {
      if (this.latest === address) this.refused = asUiError(thrown);
    } finally {
      if (this.latest === address) this.busy = false;
    }
  }
}
