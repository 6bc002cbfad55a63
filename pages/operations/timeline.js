// One ended message in time: a bar of where the time went, and a track of what happened when. The journal has the durations of the
// last attempt; what lies before them is earlier attempts and their waits.

import { element, svg } from "../shared/dom.js";
import { duration, time } from "../shared/format.js";
import { codeMeaning } from "./codes.js";
import { coded } from "./draw.js";
import { messageTexts as t } from "./texts-journal.js";
import { t as common } from "./texts.js";

const TONES = { queueing: "soft", handling: "info", sending: "good" };
/** A part of a bar is never thinner than this share, so that it can be seen. */
const LEAST = 0.006;

/** The bar and its key; null when nothing is known of the parts. */
export function bar(one) {
  const parts = [["queueing", one.queueing_ms], ["handling", one.handling_ms], ["sending", one.sending_ms]].filter(([, ms]) => ms !== null);
  if (!parts.length) return null;
  const shares = parts.map(([, ms]) => Math.max(ms, 1));
  const all = shares.reduce((sum, ms) => sum + ms, 0);
  const widths = shares.map((ms) => Math.max(LEAST, ms / all));
  const scale = 1000 / widths.reduce((sum, width) => sum + width, 0);
  let x = 0;
  const rectangles = parts.map(([name], n) => {
    const made = svg("rect", { class: "bar", data: { tone: TONES[name] }, x: x.toFixed(1), y: 0, width: (widths[n] * scale).toFixed(1), height: 28 });
    x += widths[n] * scale;
    return made;
  });
  const words = parts.map(([name, ms]) => `${t[name]} ${duration(ms)}`).join(", ");
  const picture = svg("svg", { class: "bar-picture", viewBox: "0 0 1000 28", preserveAspectRatio: "none", role: "img", "aria-label": words }, rectangles);
  const key = element("ul", { class: "key row" }, parts.map(([name, ms]) => element("li", { class: "key-line" },
    element("span", { class: "swatch", data: { tone: TONES[name] } }), `${t[name]} `, element("b", { class: "number" }, duration(ms)))));
  return element("div", { class: "stack" }, picture, key);
}

/** The track. */
export function track(one) {
  const [accepted, ended] = [Date.parse(one.accepted_at), Date.parse(one.ended_at)];
  const steps = [step("info", time(accepted), t.accepted, t.acceptedMore)];
  if (one.attempts > 1) steps.push(step("warn", null, t.attempts(one.attempts - 1)));
  const began = one.queueing_ms === null ? null : accepted + one.queueing_ms;
  if (began !== null) {
    steps.push(step("info", time(began), t.handler, t.handlerMore(one.route, one.worker)));
    if (one.handling_ms !== null) steps.push(step(one.parts || one.end !== "dead" ? "info" : "bad", time(began + one.handling_ms), one.parts || one.end !== "dead" ? t.handled : t.stopped, t.ran(one.handling_ms)));
  }
  if (one.code !== null) steps.push(step(one.end === "dead" ? "bad" : "warn", null, t.code(one.code, codeMeaning(one.code)?.meaning), one.rid ? `rid ${one.rid}` : null, codeMeaning(one.code)?.remedy));
  if (one.sending_ms !== null) steps.push(step("info", time(ended), t.sent, t.sentMore(one.sending_ms, one.parts)));
  if (began === null && one.end !== "unmatched") steps.push(step("info", null, t.noTimes));
  const tone = { dead: "bad", unmatched: "warn", no_reply: "info" }[one.end] ?? "good";
  steps.push(step(tone, time(ended), common.kinds[one.end] ?? one.end, one.reason ?? common.kindSaid[one.end]));
  return element("ol", { class: "track" }, steps);
}

function step(tone, at, what, more, remedy) {
  return element("li", { class: "step", data: { tone } }, element("div", {},
    element("p", { class: "step-head" }, element("b", {}, what), at ? element("span", { class: "soft number" }, at) : null),
    more ? element("p", { class: "soft" }, more) : null,
    remedy ? element("p", {}, "→ ", coded(remedy)) : null));
}
