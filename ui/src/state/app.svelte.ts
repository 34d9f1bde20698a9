import type { AccountView } from "../bindings/AccountView";
import type { AppInfo } from "../bindings/AppInfo";
import type { OverviewView } from "../bindings/OverviewView";
import type { RunView } from "../bindings/RunView";
import type { SessionView } from "../bindings/SessionView";
import type { SnapshotView } from "../bindings/SnapshotView";
import type { UiError } from "../bindings/UiError";
import type { WaitView } from "../bindings/WaitView";
import type { Backend } from "../ipc/backend";
import { asUiError } from "../ipc/error";

/** What the main part of the window shows. */
export type Place =
  | { view: "home" }
  | { view: "add" }
  | { view: "source"; name: string; kind: string }
  | { view: "snapshots"; find?: string }
  | { view: "restore"; snapshot: SnapshotView }
  | { view: "devices" }
  | { view: "activity" }
  | { view: "settings" };

/** How often the overview is asked for again while nothing happens, milliseconds. */
const REFRESH = 60_000;
/** What is waited for is told each second: after so many milliseconds without a word it is over. */
const WAITED = 3_000;

/** What the whole window knows. */
export class App {
  readonly backend: Backend;
  info = $state<AppInfo | null>(null);
  session = $state<SessionView | null>(null);
  /** Why not even the session can be read. */
  broken = $state<UiError | null>(null);
  place = $state<Place>({ view: "home" });
  overview = $state.raw<OverviewView | null>(null);
  overviewError = $state<UiError | null>(null);
  /** The overview is being asked for. */
  looking = $state(false);
  run = $state.raw<RunView | null>(null);
  /** A run could not even begin. */
  runError = $state<UiError | null>(null);

  /** What is waited for while no run is shown. */
  waits = $state.raw<WaitView | null>(null);

  private waited: ReturnType<typeof setTimeout> | undefined;
  private refresh: ReturnType<typeof setInterval> | undefined;

  constructor(backend: Backend) {
    this.backend = backend;
  }

  async start(): Promise<void> {
    try {
      this.info = await this.backend.appInfo();
      await this.backend.watchWaits((wait) => this.wait(wait));
      this.session = await this.backend.session();
      if (this.session.state === "ready") await this.ready(this.session.account);
    } catch (thrown) {
      this.broken = asUiError(thrown);
    }
    // For measurements from outside: from here on the window can be used.
    performance.mark("interactive");
  }

  get account(): AccountView | null {
    return this.session?.state === "ready" ? this.session.account : null;
  }

  /** Somebody is signed in from here on. */
  async ready(account: AccountView): Promise<void> {
    this.session = { state: "ready", account };
    clearInterval(this.refresh);
    this.run = await this.backend.currentRun();
    await this.backend.watchRuns((run) => this.heard(run));
    await this.backend.watchLinks((link) => this.go(link));
    this.refresh = setInterval(() => void this.look(), REFRESH);
    await this.look();
  }

  /** Where this device stands may have changed. */
  async again(): Promise<void> {
    this.session = await this.backend.session();
  }

  /** The session is over: back to the password, with the address filled in. */
  signInAgain(): void {
    if (this.account !== null) this.session = { state: "signIn", email: this.account.email };
  }

  async look(): Promise<void> {
    if (this.looking || this.account === null) return;
    this.looking = true;
    try {
      this.overview = await this.backend.overview();
      this.overviewError = null;
    } catch (thrown) {
      this.overviewError = asUiError(thrown);
    } finally {
      this.looking = false;
    }
  }

  get busy(): boolean {
    return this.run !== null && this.run.outcome === null;
  }

  go(place: Place): void {
    this.place = place;
  }

  async begin(start: () => Promise<RunView>): Promise<boolean> {
    this.runError = null;
    try {
      this.run = await start();
      return true;
    } catch (thrown) {
      this.runError = asUiError(thrown);
      return false;
    }
  }

  async dismiss(): Promise<void> {
    this.runError = null;
    await this.backend.dismissRun();
    this.run = null;
  }

  private wait(wait: WaitView): void {
    clearTimeout(this.waited);
    this.waits = wait.what === "over" ? null : wait;
    if (this.waits !== null) this.waited = setTimeout(() => (this.waits = null), WAITED);
  }

  private heard(run: RunView): void {
    const ended = run.outcome !== null && this.run?.outcome === null;
    this.run = run;
    if (ended) void this.look();
  }
}
