// A time as a person writes it when a user complains: `14:03`, `14:03:20`, `11-28 14:03`, `2026-11-28 14:03`.

const FORM = /^(?:(?:(\d{4})[-/.])?(\d{1,2})[-/.](\d{1,2})[ T]+)?(\d{1,2})[:：](\d{2})(?:[:：](\d{2}))?$/;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** The moment in Unix milliseconds; null if it can't be read. Without a date it is the last time that a clock showed it. */
export function moment(text, now = Date.now()) {
  const found = FORM.exec(text.trim());
  if (!found) return null;
  const [, year, month, day, hour, minute, second] = found.map((part) => (part === undefined ? undefined : Number(part)));
  if (hour > 23 || minute > 59 || (second ?? 0) > 59) return null;
  const today = new Date(now);
  const at = new Date(year ?? today.getFullYear(), (month ?? today.getMonth() + 1) - 1, day ?? today.getDate(), hour, minute, second ?? 0);
  if (month !== undefined && (at.getMonth() !== month - 1 || at.getDate() !== day)) return null;
  if (month === undefined && at.getTime() > now) return at.getTime() - DAY_MS;
  return at.getTime();
}

/** From so many minutes before it to as many after it; the minute itself belongs to it. */
export const around = (at, minutes) => ({ since: at - minutes * MINUTE_MS, until: at + (minutes + 1) * MINUTE_MS });

/** `UTC+08:00`: where the times of this page are from. */
export function zone() {
  const minutes = -new Date().getTimezoneOffset();
  const two = (part) => String(Math.floor(Math.abs(part))).padStart(2, "0");
  return `UTC${minutes < 0 ? "−" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}
