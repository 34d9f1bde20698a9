import type { RunView } from "../bindings/RunView";
import type { SourceView } from "../bindings/SourceView";
import { sourceOf } from "./sources";

/** Percent; null while the total is unknown. */
export function shareOf(run: RunView | null): number | null {
  return run?.total ? Math.min(100, Math.floor((run.done / run.total) * 100)) : null;
}

/** Whether a result has more to say than a toast can: it stays until it is closed. */
export function readable(run: RunView): boolean {
  const { outcome } = run;
  if (outcome === null || outcome.state === "cancelled") return false;
  if (outcome.state === "failed") return true;
  return outcome.failed.length + outcome.notes.length + outcome.marks.length + run.warnings.length > 0;
}

export function belongsTo(run: RunView, source: SourceView, sources: SourceView[]): boolean {
  return sourceOf(run, sources) === source;
}
