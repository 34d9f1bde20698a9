/** The calendar: what happened on each day. */
import type { SourceView } from "../bindings/SourceView";
import { startOfDay } from "./days";

/** What happened on a day. */
export interface Events {
  backups: number;
  /** Attempts of this device. */
  failed: number;
  /** Sources whose schedule wanted a backup, and none came. */
  missed: number;
}

/** A day of the calendar, which has one column per week, starting on Monday. */
export interface Day extends Events {
  /** Start of the day, milliseconds since 1970. */
  date: number;
  column: number;
  row: number;
}

/** What happened to these sources, by the start of the day. */
export function events(sources: SourceView[]): Map<number, Events> {
  const days = new Map<number, Events>();
  const count = (what: keyof Events, times: number[]): void => {
    for (const time of times) {
      const day = startOfDay(time);
      const found = days.get(day) ?? { backups: 0, failed: 0, missed: 0 };
      found[what] += 1;
      days.set(day, found);
    }
  };
  for (const { snapshots, failures, missed } of sources) {
    count("backups", snapshots.map((one) => one.created));
    count("failed", failures);
    count("missed", missed);
  }
  return days;
}

/** The last weeks up to today. */
export function calendar(found: Map<number, Events>, weeks: number, today: Date): Day[] {
  const sinceMonday = (today.getDay() + 6) % 7;
  const days = (weeks - 1) * 7 + sinceMonday + 1;
  return Array.from({ length: days }, (_, at) => {
    // Calendar arithmetic: days with a clock change do not have 24 hours.
    const date = new Date(today.getFullYear(), today.getMonth(), today.getDate() - (days - 1 - at)).getTime();
    return { date, backups: 0, failed: 0, missed: 0, ...found.get(date), column: Math.floor(at / 7), row: at % 7 };
  });
}
