/** Days: groups of a list, and the words that find them. */
import { dates, relative } from "./format";

const DAY = 86_400_000;

export interface DayGroup<T> {
  /** Start of the day, milliseconds since 1970. */
  day: number;
  items: T[];
}

export function startOfDay(seconds: number): number {
  return new Date(seconds * 1000).setHours(0, 0, 0, 0);
}

/** Groups what is sorted by time. */
export function byDay<T extends { created: number }>(items: T[]): DayGroup<T>[] {
  const groups: DayGroup<T>[] = [];
  for (const item of items) {
    const last = groups.at(-1);
    // Most share the day of their predecessor.
    const day = startOfDay(item.created);
    if (last?.day === day) last.items.push(item);
    else groups.push({ day, items: [item] });
  }
  return groups;
}

/** Days with a change of clocks do not have 24 hours. */
function daysAgo(day: number, today: number): number {
  return Math.round((today - day) / DAY);
}

function capitalized(text: string, language: string): string {
  return text.charAt(0).toLocaleUpperCase(language) + text.slice(1);
}

/** “Today, Wednesday”, “Monday, November 23”, “Friday, January 2, 2026”. */
export function dayName(day: number, now: number, language: string): string {
  const ago = daysAgo(day, startOfDay(now));
  if (ago === 0 || ago === 1) {
    const weekday = dates(language, { weekday: "long" }).format(day);
    return `${capitalized(relative(language).format(-ago, "day"), language)}, ${weekday}`;
  }
  const sameYear = new Date(day).getFullYear() === new Date(now * 1000).getFullYear();
  return dates(language, { weekday: "long", month: "long", day: "numeric", ...(sameYear ? {} : { year: "numeric" }) }).format(day);
}

function monday(day: number): number {
  const date = new Date(day);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() - ((date.getDay() + 6) % 7)).getTime();
}

const glued = (phrase: string): string => phrase.toLowerCase().replaceAll(" ", "\u00a0");

/** Phrases such as “last week”, which are one word of a search. */
export function phrases(language: string): string[] {
  const format = relative(language);
  const units = ["day", "week", "month"] as const;
  return units.flatMap((unit) => [0, -1].map((distance) => format.format(distance, unit).toLowerCase()));
}

/** The words that find a day, in lower case. */
export function dayWords(day: number, now: number, language: string): string {
  const [date, today] = [new Date(day), new Date(now * 1000)];
  const format = relative(language);
  const words = [dates(language, { dateStyle: "full" }).format(day).toLowerCase()];
  const two = (value: number): string => String(value).padStart(2, "0");
  words.push(`${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`);
  const distances = [
    ["day", daysAgo(day, startOfDay(now))],
    ["week", Math.round((monday(startOfDay(now)) - monday(day)) / (7 * DAY))],
    ["month", (today.getFullYear() - date.getFullYear()) * 12 + today.getMonth() - date.getMonth()],
  ] as const;
  for (const [unit, distance] of distances) {
    if (distance === 0 || distance === 1) words.push(glued(format.format(-distance, unit)));
  }
  return words.join(" ");
}

/** The words of a search: all of them must be found. */
export function searched(text: string, language: string): string[] {
  let wanted = text.trim().toLowerCase().replaceAll(/\s+/g, " ");
  for (const phrase of phrases(language)) wanted = wanted.replace(phrase, glued(phrase));
  return wanted.split(" ").filter((word) => word !== "");
}
