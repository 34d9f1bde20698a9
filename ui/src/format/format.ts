/** Localized numbers and times. */

/** Formatters are slow to create. */
const formats = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>();

function kept<T extends Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>(key: string, create: () => T): T {
  const found = (formats.get(key) as T | undefined) ?? create();
  formats.set(key, found);
  return found;
}

/** A formatter of dates. */
export function dates(language: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return kept(`${language} ${JSON.stringify(options)}`, () => new Intl.DateTimeFormat(language, options));
}

function numbers(language: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  return kept(`${language} ${JSON.stringify(options)}`, () => new Intl.NumberFormat(language, options));
}

/** A formatter of distances in time. */
export function relative(language: string): Intl.RelativeTimeFormat {
  return kept(`${language} relative`, () => new Intl.RelativeTimeFormat(language, { numeric: "auto" }));
}

const STEPS = ["B", "kB", "MB", "GB", "TB"] as const;

/** Three digits with decimal units, as used for disks and databases. */
export function bytes(value: number, language: string): string {
  let amount = value;
  let step = 0;
  while (amount >= 999.5 && step < STEPS.length - 1) {
    amount /= 1000;
    step += 1;
  }
  const digits = step === 0 || amount >= 99.95 ? 0 : amount >= 9.995 ? 1 : 2;
  const number = numbers(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(amount);
  return `${number} ${STEPS[step]}`;
}

export function count(value: number, language: string): string {
  return numbers(language, {}).format(value);
}

/** Takes a fraction of 1; shows “100 %” only for exactly 1. */
export function percent(value: number, language: string): string {
  const digits = value < 0.1 || value > 0.99 ? 1 : 0;
  const rounded = Math.floor(value * 10 ** (digits + 2)) / 10 ** (digits + 2);
  return numbers(language, { style: "percent", maximumFractionDigits: digits }).format(rounded);
}

/** Date and time. */
export function when(seconds: number, language: string): string {
  return dates(language, { dateStyle: "medium", timeStyle: "short" }).format(seconds * 1000);
}

export function day(seconds: number, language: string): string {
  return dates(language, { dateStyle: "medium" }).format(seconds * 1000);
}

/** “3 hours ago”, “in 2 days”. */
export function ago(seconds: number, now: number, language: string): string {
  const format = relative(language);
  const distance = seconds - now;
  const size = Math.abs(distance);
  if (size < 60) return format.format(0, "second");
  if (size < 3600) return format.format(Math.trunc(distance / 60), "minute");
  if (size < 86_400) return format.format(Math.trunc(distance / 3600), "hour");
  if (size < 30 * 86_400) return format.format(Math.trunc(distance / 86_400), "day");
  return format.format(Math.trunc(distance / (30 * 86_400)), "month");
}

/** “1:02:03”. */
export function duration(seconds: number): string {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** “02:30” in the format of the language. */
export function clock(hour: number, minute: number, language: string): string {
  return dates(language, { timeStyle: "short" }).format(new Date(2026, 0, 1, hour, minute));
}

/** 1 is Monday. */
export function weekday(number: number, language: string, length: "long" | "short" = "long"): string {
  return dates(language, { weekday: length }).format(new Date(2026, 5, number));
}

/** “12:50”. */
export function time(seconds: number, language: string): string {
  return dates(language, { timeStyle: "short" }).format(seconds * 1000);
}

/** “12:50:07”. */
export function clockTime(seconds: number, language: string): string {
  return dates(language, { timeStyle: "medium" }).format(seconds * 1000);
}

/** “Wed, Nov 25, 2026, 12:50”. */
export function whenWithDay(seconds: number, language: string): string {
  return dates(language, { weekday: "short", year: "numeric", month: "short", day: "numeric", hour: "numeric", minute: "2-digit" }).format(seconds * 1000);
}

/** “Wednesday, November 25, 2026, 12:50”. */
export function whenInFull(seconds: number, language: string): string {
  return dates(language, { dateStyle: "full", timeStyle: "short" }).format(seconds * 1000);
}
