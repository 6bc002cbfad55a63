// The arithmetic of a chart: round numbers for its axes, and a path that breaks where nothing is known.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** Steps of time that people count in. */
const TIME_STEPS = [15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 24 * HOUR];

/** Three to five round numbers from 0 to at least `most`. `isTime`: milliseconds. */
export function ticks(most, isTime) {
  const rough = Math.max(most, isTime ? 4 : 3) / 4;
  const step = (isTime && rough > 10 * SECOND && TIME_STEPS.find((one) => one >= rough)) || round(rough, isTime);
  const count = Math.max(1, Math.ceil(most / step));
  return Array.from({ length: count + 1 }, (_, n) => n * step);
}

/** The next of 1, 2, 5, 10, 20 … */
function round(rough, isTime) {
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((one) => one >= rough);
  return isTime ? step : Math.max(1, step);
}

/** Full tens of minutes between two moments. */
export function timeTicks(from, until, minutes) {
  const zone = new Date(from).getTimezoneOffset() * MINUTE;
  const step = minutes * MINUTE;
  const form = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hour12: false });
  const found = [];
  for (let at = Math.ceil((from - zone) / step) * step + zone; at <= until; at += step) found.push({ at, text: form.format(at) });
  return found;
}

/** What `d` of a path says. A known value between unknown ones is a point: round ends show it. */
export function path(numbers, x, y) {
  let isDown = false;
  const parts = numbers.map((value, at) => {
    if (value === null || value === undefined) {
      isDown = false;
      return "";
    }
    const point = `${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    const part = isDown ? `L${point}` : `M${point}l0 0`;
    isDown = true;
    return part;
  });
  return parts.join("");
}
