import type { AccountView } from "../bindings/AccountView";
import type { ActivityView } from "../bindings/ActivityView";
import type { AppInfo } from "../bindings/AppInfo";
import type { Choice } from "../bindings/Choice";
import type { CodeStep } from "../bindings/CodeStep";
import type { ComparisonView } from "../bindings/ComparisonView";
import type { ConnectionView } from "../bindings/ConnectionView";
import type { DetailsView } from "../bindings/DetailsView";
import type { DeviceView } from "../bindings/DeviceView";
import type { DiagnosticsView } from "../bindings/DiagnosticsView";
import type { FactorStep } from "../bindings/FactorStep";
import type { KitStep } from "../bindings/KitStep";
import type { LeaveChoice } from "../bindings/LeaveChoice";
import type { LeaveView } from "../bindings/LeaveView";
import type { Link } from "../bindings/Link";
import type { Message } from "../bindings/Message";
import type { OverviewView } from "../bindings/OverviewView";
import type { PanelWords } from "../bindings/PanelWords";
import type { PastRunView } from "../bindings/PastRunView";
import type { PreferencesView } from "../bindings/PreferencesView";
import type { ProbeView } from "../bindings/ProbeView";
import type { RestoreTo } from "../bindings/RestoreTo";
import type { RunLogView } from "../bindings/RunLogView";
import type { RunView } from "../bindings/RunView";
import type { ScheduleInput } from "../bindings/ScheduleInput";
import type { ServiceView } from "../bindings/ServiceView";
import type { SessionView } from "../bindings/SessionView";
import type { Signal } from "../bindings/Signal";
import type { Strength } from "../bindings/Strength";
import type { SuggestionView } from "../bindings/SuggestionView";
import type { TargetView } from "../bindings/TargetView";
import type { WaitView } from "../bindings/WaitView";
import type { WordsView } from "../bindings/WordsView";

export type Region = "us" | "ca" | "eu";

/** All calls from the views to the program. Errors are `UiError`s. */
export interface Backend {
  appInfo(): Promise<AppInfo>;
  licenses(): Promise<string>;
  updateCheck(): Promise<string | null>;
  updateInstall(): Promise<void>;
  session(): Promise<SessionView>;

  /** Rejects if there is no service at this address. */
  checkService(address: string): Promise<ServiceView>;
  /** Remembers it for this device's account; returns the address as it is kept. */
  chooseService(address: string): Promise<string>;

  passwordStrength(password: string, email: string): Promise<Strength>;
  signUp(email: string, password: string, region: Region, deviceName: string): Promise<CodeStep>;
  signUpCode(code: string): Promise<KitStep>;
  signIn(email: string, password: string, deviceName: string): Promise<void>;
  signInFactor(code: string, recovery: boolean): Promise<FactorStep>;
  signInWords(words: string): Promise<AccountView>;
  signInKit(): Promise<AccountView | null>;
  wordsTyped(words: string): Promise<WordsView>;
  startOver(): Promise<void>;
  saveKit(form: "pdf" | "text"): Promise<string | null>;
  saveCodes(codes: string[]): Promise<string | null>;
  kitWords(answer: string): Promise<AccountView>;
  kitFile(): Promise<AccountView | null>;
  changePassword(current: string, code: string, recovery: boolean, password: string): Promise<void>;
  renewCodes(current: string, code: string, recovery: boolean): Promise<string[]>;
  newAuthenticator(current: string, code: string, recovery: boolean): Promise<CodeStep>;
  confirmAuthenticator(code: string): Promise<void>;
  signOut(forget: boolean): Promise<void>;

  overview(): Promise<OverviewView>;
  /** `like`: the saved source whose password it gets if server and user are the same. */
  probeSource(origin: string, like: string | null): Promise<ProbeView>;
  addSource(name: string, origin: string, schedule: ScheduleInput): Promise<string>;
  /** This and the next two answer what to say about the source's systemd timer, if anything. */
  setSchedule(id: string, schedule: ScheduleInput): Promise<Message | null>;
  removeSource(id: string): Promise<Message | null>;
  /** null: unchanged. */
  editSource(id: string, name: string | null, origin: string | null): Promise<Message | null>;
  sourceConnection(id: string): Promise<ConnectionView>;
  sourceRuns(id: string): Promise<PastRunView[]>;
  runLog(run: string): Promise<RunLogView>;

  snapshotDetails(snapshot: string): Promise<DetailsView>;
  compareSnapshots(one: string, other: string): Promise<ComparisonView>;

  watchLinks(heard: (link: Link) => void): Promise<void>;
  watchSignals(heard: (signal: Signal) => void): Promise<void>;
  /** What stops when the app ends. */
  leaving(): Promise<LeaveView>;
  leave(choice: LeaveChoice, remember: boolean): Promise<void>;
  /** During a run the program asks first. */
  quit(): Promise<void>;
  watchRuns(heard: (run: RunView) => void): Promise<void>;
  watchWaits(heard: (wait: WaitView) => void): Promise<void>;
  currentRun(): Promise<RunView | null>;
  startBackup(id: string): Promise<RunView>;
  startVerify(source: string, snapshot: string): Promise<RunView>;
  startRestore(source: string, snapshot: string, to: RestoreTo): Promise<RunView>;
  /** Repeats the refused run; `name` is for the choice `rename`. */
  runAgain(choice: Choice, name: string | null): Promise<RunView>;
  restoreCommandLine(snapshot: string, to: RestoreTo): Promise<string>;
  restoreSuggestion(like: string | null, source: string, kind: string, created: number): Promise<SuggestionView>;
  /** Rejects if the restore would be refused. */
  checkTarget(snapshot: string, to: RestoreTo): Promise<TargetView>;
  cancelRun(): Promise<void>;
  pauseRun(pause: boolean): Promise<void>;
  dismissRun(): Promise<void>;

  deviceList(): Promise<DeviceView[]>;
  revokeDevice(device: string): Promise<void>;
  activityList(): Promise<ActivityView[]>;

  preferences(): Promise<PreferencesView>;
  /** kB/s; null: no limit. */
  setUploadLimit(limit: number | null): Promise<void>;
  /** Sets the texts of the tray icon and of notifications. */
  setTrayLabels(words: PanelWords): Promise<void>;
  setAutostart(on: boolean): Promise<void>;
  /** null: the window asks. */
  setOnClose(choice: LeaveChoice | null): Promise<void>;

  diagnostics(): Promise<DiagnosticsView>;
  /** Saves what was shown last; null: the user cancelled. */
  saveDiagnostics(): Promise<string | null>;

  chooseFile(): Promise<string | null>;
  chooseNewFile(name: string): Promise<string | null>;
  showInFolder(path: string): Promise<void>;
}
