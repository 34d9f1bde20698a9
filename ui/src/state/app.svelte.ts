import type { AccountView } from "../bindings/AccountView";
import type { AppInfo } from "../bindings/AppInfo";
import type { LeaveView } from "../bindings/LeaveView";
import type { MenuAction } from "../bindings/MenuAction";
import type { OverviewView } from "../bindings/OverviewView";
import type { PastTargetView } from "../bindings/PastTargetView";
import type { RunView } from "../bindings/RunView";
import type { SessionView } from "../bindings/SessionView";
import type { Signal } from "../bindings/Signal";
import type { UiError } from "../bindings/UiError";
import type { WaitView } from "../bindings/WaitView";
import type { Backend } from "../ipc/backend";
import { asUiError } from "../ipc/error";

/** The tabs of a source's page. */
export const TABS = ["snapshots", "schedule", "connection", "history"] as const;
export type Tab = (typeof TABS)[number];

/**
 * The content of the main area. `restore`: the newest snapshot of a saved source, or this snapshot; both are ids. `to`:
 * the target of an earlier attempt. `day`: the chosen day of the calendar, milliseconds since 1970.
 */
export type Place =
  | { view: "home"; day?: number }
  | { view: "add" }
  | { view: "source"; name: string; kind: string; tab?: Tab; day?: number }
  | { view: "snapshots"; find?: string }
  | { view: "restore"; source: string }
  | { view: "restore"; snapshot: string; to?: PastTargetView | null }
  | { view: "devices" }
  | { view: "activity" }
  | { view: "settings" };

/** Refresh interval of the overview while idle, milliseconds. */
const REFRESH = 60_000;
/** The program reports waiting every second; after this many milliseconds without a report it is over. */
const WAITED = 3_000;

/** The state of the window. */
export class App {
  readonly backend: Backend;
  info = $state<AppInfo | null>(null);
  session = $state<SessionView | null>(null);
  /** The error that prevents reading the session. */
  fatalError = $state<UiError | null>(null);
  place = $state<Place>({ view: "home" });
  /** What is open above the page, if it was opened by a key. */
  overlay = $state<"palette" | "shortcuts" | null>(null);
  overview = $state.raw<OverviewView | null>(null);
  overviewError = $state<UiError | null>(null);
  /** The overview is loading. */
  looking = $state(false);
  run = $state.raw<RunView | null>(null);
  /** The page itself shows the result of its run. */
  ownsRun = $state(false);
  /** The error of a run that could not start. */
  runError = $state<UiError | null>(null);

  /** The question before the window closes, or the app quits. */
  leaving = $state.raw<(LeaveView & { quit: boolean }) | null>(null);
  /** Does a command of the menu bar; pages with commands set it. */
  menu: ((action: MenuAction) => void) | null = null;

  /** What the program is waiting for while no run is shown. */
  waits = $state.raw<WaitView | null>(null);

  /** Counts the updates of runs. */
  private updates = 0;
  /** The run whose end was not shown yet. */
  toast = $state.raw<RunView | null>(null);

  private waited: ReturnType<typeof setTimeout> | undefined;
  private refresh: ReturnType<typeof setInterval> | undefined;

  constructor(backend: Backend) {
    this.backend = backend;
  }

  async start(): Promise<void> {
    try {
      this.info = await this.backend.appInfo();
      await this.backend.watchSignals((signal) => void this.signal(signal));
      await this.backend.watchWaits((wait) => this.wait(wait));
      this.session = await this.backend.session();
      if (this.session.state === "ready") await this.ready(this.session.account);
    } catch (thrown) {
      this.fatalError = asUiError(thrown);
    }
    // For external measurements: the window is usable now.
    performance.mark("interactive");
  }

  get account(): AccountView | null {
    return this.session?.state === "ready" ? this.session.account : null;
  }

  /** Called after sign-in. */
  async ready(account: AccountView): Promise<void> {
    this.session = { state: "ready", account };
    this.overlay = null;
    clearInterval(this.refresh);
    this.run = await this.backend.currentRun();
    if (this.run !== null && this.run.outcome !== null) this.toast = this.run;
    await this.backend.watchRuns((run) => this.heard(run));
    await this.backend.watchLinks((link) => this.go(link));
    this.refresh = setInterval(() => void this.reload(), REFRESH);
    await this.reload();
  }

  /** Reloads, because the device's session or setup may have changed. */
  async restart(): Promise<void> {
    this.session = await this.backend.session();
  }

  /** The session has ended: asks for the password again, with the address filled in. */
  signInAgain(): void {
    if (this.account !== null) this.session = { state: "signIn", email: this.account.email };
  }

  async reload(): Promise<void> {
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
    this.toast = null;
    try {
      const heard = this.updates;
      const started = await start();
      // What was heard meanwhile is newer: a short run may even be over.
      if (this.updates === heard) this.run = started;
      return true;
    } catch (thrown) {
      this.runError = asUiError(thrown);
      return false;
    }
  }

  async dismiss(): Promise<void> {
    this.runError = null;
    this.toast = null;
    await this.backend.dismissRun();
    this.run = null;
  }

  private async signal(signal: Signal): Promise<void> {
    if (signal.what === "menu") this.menu?.(signal.action);
    else this.leaving = { ...(await this.backend.leaving()), quit: signal.quit };
  }

  private wait(wait: WaitView): void {
    clearTimeout(this.waited);
    this.waits = wait.what === "over" ? null : wait;
    if (this.waits !== null) this.waited = setTimeout(() => (this.waits = null), WAITED);
  }

  private heard(run: RunView): void {
    this.updates += 1;
    const ended = run.outcome !== null && this.run?.outcome === null;
    this.run = run;
    if (run.outcome === null) this.toast = null;
    if (!ended) return;
    this.toast = run;
    void this.reload();
  }
}
