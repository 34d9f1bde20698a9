import { day } from "./format";

/** “Today, 12:00”, “Tue, 02:00”, “Mar 3, 2026”: what is far away needs no time of day. */
export function near(
  seconds: number,
  now: number,
  language: string,
  words: { today: (time: string) => string; tomorrow: (time: string) => string; yesterday: (time: string) => string },
): string {
  const midnight = (at: number) => new Date(at * 1000).setHours(0, 0, 0, 0);
  // Rounded: a day with a clock change does not have 24 hours.
  const days = Math.round((midnight(seconds) - midnight(now)) / 86_400_000);
  const time = new Intl.DateTimeFormat(language, { timeStyle: "short" }).format(seconds * 1000);
  if (days === 0) return words.today(time);
  if (days === 1) return words.tomorrow(time);
  if (days === -1) return words.yesterday(time);
  if (Math.abs(days) > 6) return day(seconds, language);
  return `${new Intl.DateTimeFormat(language, { weekday: "short" }).format(seconds * 1000)}, ${time}`;
}
