// Times, durations and sizes as people read them.

import { language } from "./language.js";

const locale = language === "zh" ? "zh-CN" : "en-GB";
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const day = new Intl.DateTimeFormat(locale, { month: "2-digit", day: "2-digit" });
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });

export const number = (value) => whole.format(value);

/** `14:03:07`, with the day before it if that isn't today. Takes what `Date` takes. */
export function time(at) {
  const date = new Date(at);
  const text = clock.format(date);
  return date.toDateString() === new Date().toDateString() ? text : `${day.format(date)} ${text}`;
}

export const units = language === "zh" ? { ms: "毫秒", s: "秒", min: "分钟", h: "小时", d: "天" } : { ms: "ms", s: "s", min: "min", h: "h", d: "d" };

/** Milliseconds as `< 0.1 ms`, `3.2 ms`, `480 ms`, `8.0 s`, `12 min`, `5.1 h`, `3 d`; in Chinese `3.2 毫秒`, `8.0 秒`, `12 分钟`, `5.1 小时`, `3 天`. */
export function duration(ms) {
  // A whole number is the difference of two clocks of whole milliseconds, and knows no better.
  if (Number.isInteger(ms) && ms < 10) return ms < 1 ? `< 1 ${units.ms}` : `${ms} ${units.ms}`;
  if (ms < 0.05) return `< 0.1 ${units.ms}`;
  if (ms < 9.95) return `${ms.toFixed(1)} ${units.ms}`;
  if (ms < 1000) return `${Math.round(ms)} ${units.ms}`;
  if (ms < 100_000) return `${(ms / 1000).toFixed(1)} ${units.s}`;
  if (ms < 5_400_000) return `${Math.round(ms / 60_000)} ${units.min}`;
  if (ms < 129_600_000) return `${(ms / 3_600_000).toFixed(1)} ${units.h}`;
  return `${Math.round(ms / 86_400_000)} ${units.d}`;
}

/** `512 B`, `3.4 KiB`, `12 MiB`. */
export function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) {
    count /= 1024;
    unit += 1;
  }
  return `${unit === 0 || count >= 100 ? Math.round(count) : count.toFixed(1)} ${units[unit]}`;
}

/** `oABC…x9Kz`: enough of an OpenID to tell two apart. The whole of it belongs into `title`. */
export const shortId = (id) => (id.length > 12 ? `${id.slice(0, 4)}…${id.slice(-4)}` : id);
