/** The program's responses in each state of the window, with the real types so that they stay up to date. */
import type { Choice } from "../src/bindings/Choice";
import type { ComparisonView } from "../src/bindings/ComparisonView";
import type { ConnectionView } from "../src/bindings/ConnectionView";
import type { DetailsView } from "../src/bindings/DetailsView";
import type { DiagnosticsView } from "../src/bindings/DiagnosticsView";
import type { LeaveView } from "../src/bindings/LeaveView";
import type { LogLineView } from "../src/bindings/LogLineView";
import type { Message } from "../src/bindings/Message";
import type { Outcome } from "../src/bindings/Outcome";
import type { OverviewView } from "../src/bindings/OverviewView";
import type { PastRunView } from "../src/bindings/PastRunView";
import type { PartView } from "../src/bindings/PartView";
import type { ProbeView } from "../src/bindings/ProbeView";
import type { RestoredView } from "../src/bindings/RestoredView";
import type { RunLogView } from "../src/bindings/RunLogView";
import type { RunView } from "../src/bindings/RunView";
import type { ServiceView } from "../src/bindings/ServiceView";
import type { SessionView } from "../src/bindings/SessionView";
import type { Signal } from "../src/bindings/Signal";
import type { SnapshotView } from "../src/bindings/SnapshotView";
import type { SourceView } from "../src/bindings/SourceView";
import type { SuggestionView } from "../src/bindings/SuggestionView";
import type { TargetView } from "../src/bindings/TargetView";
import type { TextView } from "../src/bindings/TextView";
import type { UiError } from "../src/bindings/UiError";
import type { WaitView } from "../src/bindings/WaitView";

/** Responses by command; an `Error` thrown here is a bug in the test. */
export type Answers = Record<string, (args: Record<string, unknown>) => unknown>;

/** As `stage.js` sets it. */
const NOW = Math.floor(Date.now() / 1000);
const HOUR = 3600;
const DAY = 24 * HOUR;

const WORDS =
  "abandon ability able about above absent absorb abstract absurd abuse access accident account accuse achieve acid acoustic acquire across act action actor actress actual";

const ready = {
  state: "ready" as const,
  account: {
    email: "ada@example.com",
    service: "https://api.example.com",
    account: "0d5f7a4e-0000-4000-8000-000000000001",
    vault: "7c1e7a4e-0000-4000-8000-000000000002",
    region: "eu",
    device: "5b0f7a4e-0000-4000-8000-000000000003",
    deviceName: "laptop",
    keysKeptIn: { id: "kept_in_file", arguments: ["/home/ada/.local/share/sealkeep/device.keys"], text: "the file /home/ada/.local/share/sealkeep/device.keys, readable only by its owner" },
  },
};

function hex(seed: number): string {
  return Array.from({ length: 64 }, (_, at) => ((seed * 31 + at * 7) % 16).toString(16)).join("");
}

function snapshot(source: string, number: number, created: number, bytes: number): SnapshotView {
  const begin = Array.from(source, (letter) => letter.charCodeAt(0).toString(16)).join("");
  const id = `${String(number).padStart(8, "0")}${begin}${hex(number)}`.slice(0, 64);
  return {
    id,
    shortId: id.slice(0, 12),
    source,
    kind: "postgres",
    created,
    bytes,
    bytesStored: number === 0 ? Math.round(bytes * 0.2) : Math.round(bytes * 0.003),
    sha256: hex(number),
    deviceName: "laptop",
    tool: "pg_dump 15.20",
    marks: number % 7 === 6 ? ["smaller"] : [],
    proven: { evidence: number % 3 === 0 ? "opened" : "listed", at: Math.min(created + HOUR, NOW) },
  };
}

function series(source: string, days: number, bytes: number, newest: number): SnapshotView[] {
  return Array.from({ length: days }, (_, at) =>
    snapshot(source, days - 1 - at, newest - at * DAY, Math.round(bytes * (1 - at * 0.004))),
  );
}

const shopSnapshots = series("shop", 60, 4.2e9, NOW - 15 * HOUR);

function source(name: string, over: Partial<SourceView>): SourceView {
  return {
    id: `00000000-0000-4000-8000-${String(name.length).padStart(12, "0")}`,
    name,
    kind: "postgres",
    place: `postgres://ada@db.example.com:5432/${name}`,
    schedule: { every: "day", hour: 2, minute: 0 },
    protection: "current",
    due: NOW + 9 * HOUR,
    attempt: null,
    failure: null,
    failedAt: null,
    failures: [],
    missed: [],
    verifiedAt: NOW - 2 * DAY,
    snapshots: name === "shop" ? shopSnapshots : series(name, 60, 4.2e9, NOW - 15 * HOUR),
    ...over,
  };
}

const several: OverviewView = {
  problem: null,
  sources: [
    source("shop", {}),
    source("warehouse", {
      protection: "failing",
      failure: "source_auth",
      failedAt: NOW - 3 * HOUR,
      failures: [NOW - 3 * HOUR, NOW - 27 * HOUR, NOW - 9 * DAY],
      due: NOW - 3 * HOUR,
      attempt: NOW + 25 * 60 + 30,
      snapshots: series("warehouse", 12, 61e9, NOW - 2 * DAY),
    }),
    source("audit-log", { protection: "overdue", missed: [NOW - 2 * DAY, NOW - DAY], due: NOW - 2 * DAY, snapshots: series("audit-log", 3, 8e8, NOW - 3 * DAY) }),
    source("analytics", { protection: "never", snapshots: [], due: NOW - 60, verifiedAt: null }),
    source("legacy.dump", { id: null, kind: "file", place: null, due: null, snapshots: series("legacy.dump", 1, 9.1e7, NOW - 90 * DAY) }),
  ],
};

/** A sentence of the core. */
const text = (template: string, ...parts: [string, PartView][]): TextView => ({ template, parts });

const unreachable: UiError = {
  code: "service_unreachable",
  happened: text("the service at {server} cannot be reached: {detail}", ["server", "http://127.0.0.1:8787"], ["detail", "connection refused"]),
  meaning: "your snapshots are untouched",
  nextStep: "check the network and try again",
  retryable: true,
};

const details: DetailsView = {
  bytes: 4.2e9,
  bytesStored: 1.26e7,
  origin: "db.example.com:5432/shop (PostgreSQL 15.20)",
  verifiedEnd: true,
  seconds: 247,
  chunks: 4012,
  chunksNew: 17,
  packs: 64,
  number: 60,
  signerRevoked: false,
  tables: Array.from({ length: 240 }, (_, at) => ({ name: `public.orders_${String(at).padStart(3, "0")}`, rows: at === 3 ? null : at * 4711 })),
};

const comparison: ComparisonView = {
  before: { ...details, bytes: 4.18e9 },
  after: details,
  tables: [
    { name: "public.carts", came: true, went: false, rowsBefore: null, rowsAfter: 1204 },
    { name: "public.old_prices", came: false, went: true, rowsBefore: 88_123, rowsAfter: null },
    { name: "public.orders", came: false, went: false, rowsBefore: 1_204_551, rowsAfter: 1_208_930 },
  ],
};

const connection: ConnectionView = {
  place: "postgres://ada@db.example.com:5432/shop",
  parts: { host: "db.example.com", port: "5432", user: "ada", database: "shop", tls: "require", more: "", password: true },
};

const suggestion: SuggestionView = { path: "/home/ada/Downloads/shop-2026-11-25-1250.dump", database: "shop_restored_20261125", connection };

const runId = (at: number): string => `8f2c41d0-0000-4000-8000-${String(at).padStart(12, "0")}`;

const backups: PastRunView[] = Array.from({ length: 140 }, (_, at) => {
  const startedAt = NOW - 15 * HOUR - at * DAY;
  const failure = at % 9 === 1 ? ["source_auth", "dump_failed", "interrupted"][Math.floor(at / 9) % 3] : null;
  return {
    id: runId(at),
    kind: "backup",
    target: null,
    state: failure ? "failed" : "done",
    failure: failure ?? null,
    startedAt,
    endedAt: startedAt + 240 + at,
    bytesRead: failure === "source_auth" ? 0 : 4.2e9 - at * 1e7,
    snapshot: failure ? null : (shopSnapshots[at]?.id ?? null),
  };
});

/** A run that is no backup, some minutes ago. */
function past(minutes: number, over: Partial<PastRunView>): PastRunView {
  const startedAt = NOW - minutes * 60;
  return { id: runId(900 + minutes), kind: "restore", target: null, state: "done", failure: null, startedAt, endedAt: startedAt + 71, bytesRead: 4.2e9, snapshot: shopSnapshots[0]?.id ?? null, ...over };
}

const pastRuns: PastRunView[] = [
  past(20, { state: "failed", failure: "exists", bytesRead: 0, target: { kind: "file", path: "/home/ada/Downloads/shop-before-the-migration-2026-11-25.dump" } }),
  past(40, { state: "failed", failure: "incomplete", target: { kind: "database", url: "postgres://ada@db.example.com:5432/shop_restored" } }),
  past(60, { target: { kind: "output" } }),
  past(80, { kind: "verify", state: "failed", failure: "service_unreachable", bytesRead: 0 }),
  past(90, { kind: "verify" }),
  ...backups,
];

function logOf({ run: id }: Record<string, unknown>): RunLogView {
  const run = pastRuns.find((one) => one.id === id) ?? past(0, {});
  const at = run.startedAt;
  const lines: LogLineView[] = [
    { at, kind: "stage", text: "catching up with the vault" },
    { at: at + 1, kind: "warning", text: "the connection to the database at db.example.com is not encrypted" },
  ];
  if (run.state === "failed") {
    lines.push(
      { at: at + 2, kind: "error", text: "FATAL: password authentication failed for user \"ada\"" },
      { at: at + 2, kind: "meaning", text: "no snapshot was created; earlier snapshots are untouched" },
      { at: at + 2, kind: "nextStep", text: "check user and password" },
    );
  } else {
    lines.push({ at: at + 240, kind: "note", text: "snapshot 0a1b2c3d4e5f was created: 4200000000 bytes read, 12600000 new, 12600000 uploaded" });
  }
  return { run, lines: run.kind === "verify" ? [] : lines };
}

const diagnostics: DiagnosticsView = {
  parts: [
    { name: "program", about: "versions", bytes: 141 },
    { name: "programs it uses", about: "programs", bytes: 203 },
    { name: "device", about: "settings", bytes: 322 },
    { name: "sources", about: "sources", bytes: 96 },
    { name: "index", about: "index", bytes: 108 },
    { name: "runs", about: "runs", bytes: 5920 },
  ],
  text: `[program]\nsealkeep 0.1.0, sealkeep-desktop\nlinux x86_64, Debian GNU/Linux 12 (bookworm)\n\n[runs]\n${Array.from({ length: 60 }, (_, at) => `17956${at} restore of shop, to file: failed after ${at} s, 0 bytes`).join("\n")}\n`,
};

function service(address: string, over: Partial<ServiceView> = {}): ServiceView {
  return { address, version: "0.1.0", regions: ["us", "ca", "eu"], ...over };
}

/** Only the slow one answers late. */
function services({ address }: Record<string, unknown>): ServiceView | Promise<ServiceView> {
  const asked = String(address);
  if (asked.includes("cafe")) throw { ...unreachable, code: "not_a_service", happened: text("{server} does not answer like a Sealkeep service ({detail})", ["server", asked], ["detail", text("status {status}", ["status", "404"])]) };
  const answer = service(asked, { version: asked.includes("slow") ? "0.0.9" : "0.2.0", regions: ["ca"] });
  return asked.includes("slow") ? new Promise((done) => setTimeout(() => done(answer), 1200)) : answer;
}

const base: Answers = {
  app_info: () => ({ name: "Sealkeep", version: "0.1.0", server: "https://api.example.com", serverFixed: false, hostName: "laptop", updates: false }),
  licenses: () => "aes-gcm 0.11.1: Apache-2.0 OR MIT\nsvelte 5.57.3: MIT",
  update_check: () => "0.2.0",
  preferences: () => ({ uploadLimit: 2048, autostart: true, onClose: null }),
  set_upload_limit: () => null,
  set_autostart: () => null,
  set_on_close: () => null,
  check_service: ({ address }) => service(String(address)),
  choose_service: ({ address }) => address,
  watch_signals: ({ channel }) => {
    window.signal = (signal) => (channel as { onmessage: (signal: Signal) => void }).onmessage(signal);
    return null;
  },
  leaving: () => ({ scheduled: 0, next: null, run: null }) satisfies LeaveView,
  leave: () => null,
  quit: () => null,
  snapshot_details: () => details,
  compare_snapshots: () => comparison,
  watch_links: () => null,
  set_tray_labels: () => null,
  change_password: refuse({ ...unreachable, code: "second_factor", happened: text("the code is wrong, expired, or was already used") }),
  renew_codes: () => kit.recoveryCodes,
  new_authenticator: () => code,
  confirm_authenticator: () => null,
  session: () => ready satisfies SessionView,
  overview: () => several,
  current_run: () => null,
  watch_runs: () => null,
  watch_waits: () => null,
  run_again: () => running,
  dismiss_run: () => null,
  restore_command_line: ({ snapshot }) => `sealkeep restore ${String(snapshot)} --to /home/ada/shop.dump`,
  choose_new_file: () => "/home/ada/shop.dump",
  device_list: () => [
    { id: "5b0f7a4e-0000-4000-8000-000000000003", name: "laptop", here: true, state: "active", createdAt: NOW - 90 * DAY, lastSeenAt: NOW - HOUR },
    { id: "5b0f7a4e-0000-4000-8000-000000000004", name: "db-server-1", here: false, state: "active", createdAt: NOW - 40 * DAY, lastSeenAt: NOW - 5 * HOUR },
    { id: "5b0f7a4e-0000-4000-8000-000000000005", name: "old laptop", here: false, state: "revoked", createdAt: NOW - 400 * DAY, lastSeenAt: null },
  ],
  activity_list: () =>
    ["snapshot_committed", "backup_started", "signed_in", "sign_in_failed", "device_revoked", "vault_created", "account_created"].map(
      (kind, at) => ({ position: 7 - at, at: NOW - at * 7 * HOUR, kind, device: at === 3 ? null : "laptop" }),
    ),
  password_strength: ({ password }) => ({ score: Math.min(4, Math.floor(String(password).length / 6)), accepted: String(password).length >= 10 }),
  sign_up: () => code,
  sign_up_code: () => kit,
  sign_in: () => null,
  sign_in_kit: () => null,
  words_typed: () => ({ recognized: 0, complete: false, wrong: null }),
  sign_in_factor: () => ({ next: "words" }),
  start_over: () => null,
  save_codes: () => "/home/ada/Documents/sealkeep-recovery-codes-ada.txt",
  save_kit: () => "/home/ada/Documents/sealkeep-recovery-kit-ada.pdf",
  add_source: () => "00000000-0000-4000-8000-000000000004",
  start_backup: () => running,
  probe_source: () => probe,
  source_connection: () => connection,
  source_runs: () => pastRuns,
  run_log: logOf,
  diagnostics: () => diagnostics,
  save_diagnostics: () => "/home/ada/sealkeep-debug.txt",
  edit_source: () => null,
  set_schedule: () => null,
  remove_source: () => null,
  start_verify: () => ({ ...running, kind: "verify", stage: "restore" }) satisfies RunView,
  restore_suggestion: () => suggestion,
  check_target: () => "absent" satisfies TargetView,
  show_in_folder: () => null,
};

const code = {
  email: "ada@example.com",
  qr: {
    size: 25,
    path: Array.from({ length: 25 }, (_, row) =>
      Array.from({ length: 25 }, (_, column) => ((row * 7 + column * 11 + row * column) % 3 === 0 ? `M${column} ${row}h1v1h-1z` : "")).join(""),
    ).join(""),
  },
  secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
};

const kit = {
  words: WORDS.split(" "),
  positions: [3, 11, 20],
  recoveryCodes: Array.from({ length: 10 }, (_, at) => `${hex(at).slice(0, 5)}-${hex(at + 3).slice(0, 5)}`),
};

const probe: ProbeView = {
  kind: "database",
  name: "shop",
  place: "postgres://ada@db.example.com:5432/shop",
  server: "PostgreSQL 15.20",
  tls: false,
  local: false,
  size: 4.2e9,
  readable: 118,
  unreadable: ["auth.users", "auth.sessions"],
  tool: "pg_dump 15.20",
  readOnlyRole:
    "-- Run as an administrator of db.example.com:5432/shop.\nCREATE ROLE sealkeep LOGIN PASSWORD 'choose a long one';\nGRANT CONNECT ON DATABASE \"shop\" TO sealkeep;\nGRANT pg_read_all_data TO sealkeep;",
  passes: false,
};

const running: RunView = {
  kind: "backup",
  source: "shop",
  stage: "dump",
  total: 61e9,
  done: 44e9,
  newBytes: 1.4e9,
  duplicateBytes: 42e9,
  uploaded: 3.1e8,
  elapsed: 214,
  rate: 2.1e8,
  remaining: 81,
  paused: false,
  away: null,
  warnings: [],
  waiting: 0,
  outcome: null,
  command: "sealkeep backup postgres://ada@db.example.com:5432/shop --name shop",
};

function done(over: Partial<Outcome & { state: "done" }> = {}): Outcome {
  return { state: "done", snapshot: "0a1b2c3d4e5f", sha256: hex(5), bytes: 61e9, restored: null, marks: [], notes: [], failed: [], ...over };
}

function refused(code: string, happened: TextView, choices: Choice[] = []): Outcome {
  return { state: "failed", error: { ...unreachable, code, happened, retryable: false }, choices };
}

/** The last run, finished. */
function ended(outcome: Outcome, over: Partial<RunView> = {}): Answers {
  return { ...base, current_run: () => ({ ...running, outcome, ...over }) satisfies RunView };
}

const restoring: Partial<RunView> = { kind: "restore", stage: "restore", command: "sealkeep restore 0a1b2c3d4e5f --into postgres://ada@db.example.com:5432/copy" };

/** Tells the window what the program is waiting for. */
function waits(wait: WaitView): (args: Record<string, unknown>) => null {
  return ({ channel }) => {
    const heard = channel as { onmessage: (wait: WaitView) => void };
    setInterval(() => heard.onmessage(wait), 500);
    return null;
  };
}

/** A run that is over before the window has the answer to its start. */
function shortRun(): Answers {
  let heard: { onmessage: (run: RunView) => void } | undefined;
  return {
    ...base,
    watch_runs: ({ channel }) => {
      heard = channel as typeof heard;
      return null;
    },
    start_backup: () => {
      heard?.onmessage(running);
      heard?.onmessage({ ...running, outcome: done() });
      return running;
    },
  };
}

const fresh: Answers = { session: () => ({ state: "fresh" }) satisfies SessionView };

/** A command that fails with this error. */
function refuse(error: UiError): () => never {
  return () => {
    throw error;
  };
}

/** A restore that is over as soon as it starts. */
function restores(restored: RestoredView, over: Partial<Outcome & { state: "done" }> = {}): Answers {
  return { ...base, start_restore: () => ({ ...running, ...restoring, elapsed: 71, outcome: done({ bytes: 4.2e9, restored, ...over }) }) satisfies RunView };
}

/** The first run's last steps, and what is left to do afterwards. */
function setUp(sources: SourceView[]): Answers {
  return {
    ...base,
    session: () => ({ state: "kit", step: kit }) satisfies SessionView,
    kit_words: () => ready.account,
    kit_file: () => ready.account,
    overview: () => ({ problem: null, sources }) satisfies OverviewView,
    preferences: () => ({ uploadLimit: null, autostart: false, onClose: null }),
    device_list: () => [{ id: ready.account.device, name: "laptop", here: true, state: "active", createdAt: NOW - HOUR, lastSeenAt: NOW }],
  };
}

export const scenarios: Record<string, Answers> = {
  fresh: { ...base, ...fresh },
  services: { ...base, ...fresh, check_service: services },
  serviceAway: { ...base, ...fresh, check_service: refuse(unreachable), sign_up: refuse(unreachable) },
  serviceFixed: { ...base, ...fresh, app_info: () => ({ name: "Sealkeep", version: "0.1.0", server: "https://given.example.com", serverFixed: true, hostName: "laptop", updates: false }) },
  leaving: { ...base, leaving: () => ({ scheduled: 3, next: { source: "shop", at: NOW + 9 * HOUR }, run: null }) satisfies LeaveView },
  leavingRun: { ...base, current_run: () => running, leaving: () => ({ scheduled: 1, next: { source: "shop", at: NOW + 9 * HOUR }, run: { kind: "backup", source: "shop" } }) satisfies LeaveView },
  allDone: {
    ...base,
    overview: () => ({ problem: null, sources: [source("shop", { snapshots: shopSnapshots.map((one) => ({ ...one, proven: { evidence: "restored", at: NOW } })) })] }) satisfies OverviewView,
  },
  unscheduled: {
    ...base,
    overview: () => ({ problem: null, sources: [source("shop", { schedule: { every: "manual" }, due: null })] }) satisfies OverviewView,
    preferences: () => ({ uploadLimit: null, autostart: false, onClose: null }),
    set_schedule: () => null,
  },
  code: { ...base, session: () => ({ state: "code", step: code }), sign_up_code: refuse({ ...unreachable, code: "second_factor", happened: text("the code is wrong, expired, or was already used") }) },
  kit: { ...base, session: () => ({ state: "kit", step: kit }), kit_words: refuse({ ...unreachable, code: "wrong_recovery_key", happened: text("those are not the three words") }) },
  kitDone: setUp([]),
  setUp: setUp([source("shop", { verifiedAt: null, snapshots: series("shop", 1, 4.2e9, NOW - HOUR) })]),
  factor: { ...base, session: () => ({ state: "factor", email: "ada@example.com" }) },
  words: { ...base, session: () => ({ state: "words", email: "ada@example.com" }) },
  signIn: { ...base, session: () => ({ state: "signIn", email: "ada@example.com" }) },
  broken: { ...base, session: refuse({ ...unreachable, code: "damaged", happened: text("this device's key store is damaged") }) },
  loading: { ...base, overview: () => new Promise(() => undefined) },
  empty: { ...base, overview: () => ({ sources: [], problem: null }) satisfies OverviewView },
  home: base,
  good: { ...base, overview: () => ({ problem: null, sources: several.sources.slice(0, 1) }) satisfies OverviewView },
  offline: { ...base, overview: () => ({ problem: unreachable, sources: several.sources.map((one) => ({ ...one, snapshots: [] })) }) satisfies OverviewView },
  clock: { ...base, overview: () => ({ problem: { ...unreachable, code: "clock_skew", happened: text("this machine's clock differs from the service's by {hours} hours", ["hours", "2"]) }, sources: [] }) satisfies OverviewView },
  signedOut: { ...base, overview: () => ({ problem: { ...unreachable, code: "session_ended", happened: text("the session has ended") }, sources: several.sources.slice(0, 1) }) satisfies OverviewView },
  one: { ...base, overview: () => ({ problem: null, sources: [source("shop", { snapshots: series("shop", 1, 4.2e9, NOW - HOUR) })] }) satisfies OverviewView },
  updates: { ...base, app_info: () => ({ name: "Sealkeep", version: "0.1.0", server: "https://api.example.com", serverFixed: false, hostName: "laptop", updates: true }) },
  running: { ...base, current_run: () => running },
  queued: { ...base, current_run: () => ({ ...running, waiting: 2, warnings: [{ id: "other", arguments: [text("the database was recreated since the last backup under this name")], text: "the database was recreated since the last backup under this name" }] }) satisfies RunView },
  stalled: { ...base, current_run: () => ({ ...running, total: null, remaining: null, rate: 0, away: 40 }) satisfies RunView },
  stopped: ended({ state: "cancelled" }),
  plenty: {
    ...base,
    overview: () => ({
      problem: null,
      sources: Array.from({ length: 200 }, (_, at) => source(`db-${at}`, { protection: at % 40 === 7 ? "overdue" : "current", snapshots: series(`db-${at}`, 25, 1e9 + at * 3.7e7, NOW - at * 900) })),
    }) satisfies OverviewView,
  },
  paused: { ...base, current_run: () => ({ ...running, paused: true }) satisfies RunView },
  done: ended(done()),
  marked: ended(done({ bytes: 4.1e8, marks: ["smaller", "otherFormat"] })),
  failed: ended(refused("dump_failed", text("{tool} failed ({how}): {detail}", ["tool", "pg_dump 17.2"], ["how", text("exit code {code}", ["code", "1"])], ["detail", "server closed the connection unexpectedly"]))),
  internal: ended(refused("internal", text("internal error: the pipeline died"))),
  unusual: ended(refused("unusual_dump", text("this dump is not like the source's last ones: it {how}", ["how", [text("has {bytes} bytes where {usual} are usual", ["bytes", "1204"], ["usual", "4200000000"])]]), ["force"])),
  otherSource: ended(
    refused(
      "other_source",
      text(
        '"{name}" has been backed up from {place} so far; {now}',
        ["name", "shop"],
        ["place", "db1:5432/shop"],
        ["now", text("{place} has the same identifiers, and may be a copy of it", ["place", "db2:5432/shop"])],
      ),
      ["sameSource", "rename"],
    ),
  ),
  restoresFile: restores({ kind: "file", path: suggestion.path, command: `pg_restore --dbname=NEW_DATABASE ${suggestion.path}` }),
  restoresDatabase: restores(
    { kind: "database", place: "postgres://ada@db.example.com:5432/shop_restored_20261125", command: "psql postgres://ada@db.example.com:5432/shop_restored_20261125" },
    { failed: ["extension \"postgis\" is not available"], notes: [text("skipped because {reason}: {statement} (line {line})", ["reason", text("the target has no {need} \"{name}\"", ["need", "role"], ["name", "reports"])], ["statement", "GRANT SELECT ON TABLE orders TO reports"], ["line", "812"])] },
  ),
  targetTaken: { ...base, check_target: refuse({ ...unreachable, code: "not_empty", happened: text("the database at {place} is not empty", ["place", "db.example.com:5432/shop"]) }) },
  targetIsSource: { ...base, check_target: refuse({ ...unreachable, code: "same_as_source", happened: text("{place} is the database that was backed up", ["place", "db.example.com:5432/shop"]) }) },
  targetFile: { ...base, check_target: refuse({ ...unreachable, code: "exists", happened: text("{shown} already exists", ["shown", suggestion.path]) }) },
  targetMayBeCopy: { ...base, check_target: refuse({ ...unreachable, code: "may_be_copy", happened: text("{place} may be the database that was backed up: it is a copy, or the original after its server was restarted", ["place", "db2:5432/copy"]) }) },
  shortRun: shortRun(),
  neverRun: { ...base, source_runs: () => [] },
  editedTimer: {
    ...base,
    set_schedule: () => ({ id: "timer_edited", arguments: ["sealkeep-00000000.timer"], text: "edited" }) satisfies Message,
    edit_source: () => ({ id: "timer_of_system", arguments: ["sealkeep-00000000.timer"], text: "system" }) satisfies Message,
    remove_source: () => ({ id: "timer_kept", arguments: ["/home/ada/.config/systemd/user/sealkeep-00000000.timer.saved"], text: "kept" }) satisfies Message,
  },
  uneditable: { ...base, edit_source: refuse({ ...unreachable, code: "exists", happened: text("there is a source called {name} already", ["name", "ledger"]) }) },
  restored: ended(done({ restored: { kind: "file", path: "/home/ada/shop.dump", command: null } }), restoring),
  restoredInPart: ended(
    done({
      failed: ["extension \"postgis\" is not available", "function public.area(geometry) does not exist"],
      notes: [
        text("skipped because {reason}: {statement} (line {line})", ["reason", text("the target has no {need} \"{name}\"", ["need", "role"], ["name", "reports"])], ["statement", "GRANT SELECT ON TABLE orders TO reports"], ["line", "812"]),
        text("the database has the server's collation instead of {named}, so text may sort and compare differently", ["named", "libc de_DE.UTF-8"]),
      ],
    }),
    restoring,
  ),
  mayBeCopy: ended(refused("may_be_copy", text("{place} may be the database that was backed up: it is a copy, or the original after its server was restarted", ["place", "db2:5432/copy"]), ["toCopy"]), restoring),
  missing: ended(refused("missing_on_server", text("the dump needs {list} (first in line {line}), which the server does not have", ["list", 'role "reports"'], ["line", "4012"]), ["noOwner", "noPrivileges", "skipMissing"]), restoring),
  partly: ended(refused("restore_failed", text("{tool} failed ({how}): {detail}", ["tool", "pg_restore 17.2"], ["how", text("exit code {code}", ["code", "1"])], ["detail", "could not create extension postgis"]), ["continueOnError"]), restoring),
  proving: { ...base, session: () => ({ state: "signIn", email: "ada@example.com" }), sign_in: () => new Promise(() => undefined), watch_waits: waits({ what: "proving", left: 3 }) },
  away: { ...base, overview: () => new Promise(() => undefined), watch_waits: waits({ what: "away", seconds: 4, limit: 15 }) },
  many: {
    ...base,
    overview: () => ({
      problem: null,
      sources: [source("shop", { snapshots: Array.from({ length: 10_000 }, (_, at) => snapshot("shop", 10_000 - at, NOW - at * HOUR, 4e9 - at * 1e5)) })],
    }) satisfies OverviewView,
  },
};
