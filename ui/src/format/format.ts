/** Localized numbers and times. */

const STEPS = ["B", "kB", "MB", "GB", "TB"] as const;

/** Three digits with decimal units, as used for disks and databases. */
export function bytes(value: number, language: string): string {
  let amount = value;
  let step = 0;
  while (amount >= 999.5 && step < STEPS.length - 1) {
    amount /= 1000;
    step += 1;
  }
  const digits = step === 0 || amount >= 100 ? 0 : amount >= 10 ? 1 : 2;
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(amount);
  return `${number} ${STEPS[step]}`;
}

export function count(value: number, language: string): string {
  return new Intl.NumberFormat(language).format(value);
}

/** Takes a fraction of 1; shows “100 %” only for exactly 1. */
export function percent(value: number, language: string): string {
  const digits = value < 0.1 || value > 0.99 ? 1 : 0;
  const rounded = Math.floor(value * 10 ** (digits + 2)) / 10 ** (digits + 2);
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: digits }).format(rounded);
}

/** Date and time. */
export function when(seconds: number, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(seconds * 1000);
}

export function day(seconds: number, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(seconds * 1000);
}

/** “3 hours ago”, “in 2 days”. */
export function ago(seconds: number, now: number, language: string): string {
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
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
  return new Intl.DateTimeFormat(language, { timeStyle: "short" }).format(new Date(2026, 0, 1, hour, minute));
}

/** 1 is Monday. */
export function weekday(number: number, language: string): string {
  return new Intl.DateTimeFormat(language, { weekday: "long" }).format(new Date(2026, 5, number));
}
