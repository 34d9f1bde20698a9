import type { OverviewView } from "../bindings/OverviewView";
import type { ProtectionView } from "../bindings/ProtectionView";
import type { RunView } from "../bindings/RunView";
import type { SourceView } from "../bindings/SourceView";

const DAY = 86_400;

export type State = ProtectionView | "running" | "elsewhere";

export function keyOf(source: SourceView): string {
  return `${source.kind}/${source.name}/${source.place ?? ""}`;
}

/** The saved source of a run, which knows it by name only. */
export function sourceOf(run: RunView, sources: SourceView[]): SourceView | undefined {
  const named = sources.filter((source) => source.name === run.source);
  return named.find((source) => source.id !== null) ?? named[0];
}

export function stateOf(source: SourceView, run: RunView | null, sources: SourceView[]): State {
  if (run?.kind === "backup" && run.outcome === null && sourceOf(run, sources) === source) return "running";
  return source.id === null ? "elsewhere" : source.protection;
}

export function needsAttention(source: SourceView): boolean {
  return source.id !== null && source.protection !== "current";
}

/** Whether a backup failed at what *Edit connection* changes. */
export function failsAtConnection(failure: string | null): boolean {
  return ["source_auth", "source_unreachable"].includes(failure ?? "");
}

/** Whether the last backup failed so. */
export function connectionFails(source: SourceView): boolean {
  return failsAtConnection(source.failure);
}

const RANK: Record<State, number> = { failing: 0, overdue: 1, never: 2, running: 3, current: 4, elsewhere: 5 };

/** Who needs a person comes first, then by name. */
export function sorted(sources: SourceView[], run: RunView | null): SourceView[] {
  const rank = (source: SourceView) => RANK[stateOf(source, run, sources)];
  return sources.toSorted((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, undefined, { numeric: true }));
}

/** The numbers above the rows. */
export interface Totals {
  here: SourceView[];
  elsewhere: number;
  states: Record<ProtectionView, number>;
  dayBackups: number;
  dayFailed: number;
  dayAdded: number;
  stored: number;
  held: number;
  snapshots: number;
  verifiedAt: number | null;
  unverified: number;
}

export function totals(overview: OverviewView, now: number): Totals {
  const here = overview.sources.filter((source) => source.id !== null);
  const all = overview.sources.flatMap((source) => source.snapshots);
  const recent = all.filter((snapshot) => snapshot.created > now - DAY);
  const states: Record<ProtectionView, number> = { current: 0, never: 0, overdue: 0, failing: 0 };
  for (const source of here) states[source.protection] += 1;
  const verified = overview.sources.flatMap((source) => source.verifiedAt ?? []);
  return {
    here,
    elsewhere: overview.sources.length - here.length,
    states,
    dayBackups: recent.length,
    dayFailed: overview.sources.flatMap((source) => source.failures).filter((at) => at > now - DAY).length,
    dayAdded: recent.reduce((sum, snapshot) => sum + snapshot.bytesStored, 0),
    stored: all.reduce((sum, snapshot) => sum + snapshot.bytesStored, 0),
    held: all.reduce((sum, snapshot) => sum + snapshot.bytes, 0),
    snapshots: all.length,
    verifiedAt: verified.length > 0 ? Math.max(...verified) : null,
    unverified: overview.sources.length - verified.length,
  };
}

/** What one of the last days added. */
export interface DayOfData {
  /** Start of the day, milliseconds since 1970. */
  date: number;
  added: number;
  backups: number;
  failed: boolean;
}

/** The last `days` days up to today. */
export function newData(source: SourceView, days: number, today: Date): DayOfData[] {
  const found = Array.from({ length: days }, (_, at): DayOfData => {
    const date = new Date(today.getFullYear(), today.getMonth(), today.getDate() - (days - 1 - at)).getTime();
    return { date, added: 0, backups: 0, failed: false };
  });
  const of = (seconds: number) => found.findLast((one) => one.date <= seconds * 1000);
  const first = (found[0]?.date ?? 0) / 1000;
  for (const snapshot of source.snapshots) {
    // Newest first.
    if (snapshot.created < first) break;
    const one = of(snapshot.created);
    if (one) {
      one.added += snapshot.bytesStored;
      one.backups += 1;
    }
  }
  for (const at of source.failures) {
    const one = of(at);
    if (one) one.failed = true;
  }
  return found;
}

/** The host of a database, or the end of a path. */
export function host(source: SourceView): string | null {
  const { place } = source;
  if (place === null) return null;
  if (source.kind !== "postgres") {
    const parts = place.split("/");
    return place.length > 28 && parts.length > 3 ? `…/${parts.slice(-2).join("/")}` : place;
  }
  const authority = place.replace(/^[a-z]+:\/\//, "").replace(/^[^@/]*@/, "").split("/")[0] ?? "";
  return authority.replace(/:5432$/, "") || place;
}
