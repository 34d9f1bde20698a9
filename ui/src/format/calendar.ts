/** A day of the calendar, which has one column per week, starting on Monday. */
export interface Day {
  /** Start of the day, milliseconds since 1970. */
  date: number;
  count: number;
  column: number;
  row: number;
}

/** The last weeks up to today, with the number of `times` (seconds since 1970) on each day. */
export function calendar(times: number[], weeks: number, today: Date): Day[] {
  const counts = new Map<number, number>();
  for (const time of times) {
    const day = new Date(time * 1000).setHours(0, 0, 0, 0);
    counts.set(day, (counts.get(day) ?? 0) + 1);
  }
  const sinceMonday = (today.getDay() + 6) % 7;
  const days = (weeks - 1) * 7 + sinceMonday + 1;
  return Array.from({ length: days }, (_, at) => {
    // Calendar arithmetic: days with a clock change do not have 24 hours.
    const date = new Date(today.getFullYear(), today.getMonth(), today.getDate() - (days - 1 - at)).getTime();
    return { date, count: counts.get(date) ?? 0, column: Math.floor(at / 7), row: at % 7 };
  });
}
