// Lines over the last hour, as SVG. The pointer or the arrow keys read a moment, in all charts of a view at once; where nothing is
// known there is a gap and no line through it. A line differs from the others by its dashes too, not by its colour alone.

import { element, svg } from "../shared/dom.js";
import { time } from "../shared/format.js";
import { chartTexts as t } from "./texts-overview.js";
import { path, ticks, timeTicks } from "./scale.js";

const HEIGHT = 150;
const EDGE = { top: 8, right: 18, bottom: 20, left: 52 };

/** A moment that several charts show together. */
export function sharedCursor() {
  const hearers = new Set();
  return {
    at: null,
    hear: (hearer) => hearers.add(hearer),
    set(at) {
      this.at = at;
      for (const hearer of hearers) hearer();
    },
  };
}

/**
 * `chart({ title, say(value), isTime, lines: [{ name, label, tone }], cursor })` gives `{ element, update(charts) }`. `tone` is
 * `info`, `good`, `warn` or `bad`.
 */
export function chart({ title, say, isTime = false, lines, cursor, wide = false }) {
  const picture = svg("svg", { class: "chart-picture", role: "slider", tabindex: "0", "aria-label": title, "aria-valuemin": 0, height: HEIGHT });
  const moment = element("span", { class: "small soft number" });
  const values = lines.map(() => element("b", { class: "number" }));
  const key = lines.map(({ label, tone }, n) => element("li", { class: "key-line" },
    svg("svg", { width: 22, height: 10, "aria-hidden": "true" }, svg("line", { class: "line", data: { tone }, x1: 1, x2: 21, y1: 5, y2: 5 })),
    element("span", {}, label), values[n]));
  const figure = element("figure", { class: `card chart${wide ? " wide" : ""}` },
    element("figcaption", { class: "row" }, element("h3", {}, title), moment), element("ul", { class: "key row" }, key), picture);
  const state = { data: null, width: 0, rule: null, dots: [] };

  const last = () => state.data.count - 1;
  function read() {
    if (!state.data) return;
    const { series, start, step, count } = state.data;
    const at = cursor.at === null ? last() : Math.min(cursor.at, last());
    const said = series.map((numbers, n) => {
      const text = numbers[at] === null || numbers[at] === undefined ? t.unknown : say(numbers[at]);
      values[n].textContent = text;
      return `${lines[n].label} ${text}`;
    });
    const stamp = time(start + at * step);
    moment.textContent = cursor.at === null ? t.now : stamp;
    picture.setAttribute("aria-valuemax", count - 1);
    picture.setAttribute("aria-valuenow", at);
    picture.setAttribute("aria-valuetext", `${stamp}: ${said.join(", ")}`);
    mark(state, at, cursor.at !== null);
  }

  const redraw = () => {
    if (state.data && state.width) draw(picture, state, { lines, say, isTime });
    read();
  };
  cursor.hear(read);
  wireCursor(picture, state, cursor);
  new ResizeObserver(([entry]) => {
    state.width = Math.floor(entry.contentRect.width);
    redraw();
  }).observe(picture);
  const update = (charts) => {
    const series = lines.map(({ name }) => charts.series[name] ?? []);
    const step = charts.step_s * 1000;
    const count = Math.max(...series.map((numbers) => numbers.length), 1);
    state.data = { series, step, count, start: Date.parse(charts.until) - count * step };
    redraw();
  };
  return { element: figure, update };
}

function wireCursor(picture, state, cursor) {
  const move = (event) => {
    if (!state.data) return;
    const inside = event.offsetX - EDGE.left;
    const share = inside / (state.width - EDGE.left - EDGE.right);
    cursor.set(Math.max(0, Math.min(state.data.count - 1, Math.round(share * (state.data.count - 1)))));
  };
  picture.addEventListener("pointermove", move);
  picture.addEventListener("pointerdown", move);
  picture.addEventListener("pointerleave", () => cursor.set(null));
  picture.addEventListener("blur", () => cursor.set(null));
  picture.addEventListener("keydown", (event) => {
    if (!state.data) return;
    const last = state.data.count - 1;
    const at = cursor.at ?? last;
    const next = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, PageDown: at - 10, PageUp: at + 10, Home: 0, End: last, Escape: null }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    cursor.set(next === null ? null : Math.max(0, Math.min(last, next)));
  });
}

function draw(picture, state, { lines, say, isTime }) {
  const { series, count, start, step } = state.data;
  const [right, bottom] = [state.width - EDGE.right, HEIGHT - EDGE.bottom];
  const known = series.flat().filter((value) => value !== null && value !== undefined);
  const steps = ticks(Math.max(...known, 0), isTime);
  const top = steps.at(-1);
  const x = (at) => EDGE.left + ((right - EDGE.left) * at) / Math.max(1, count - 1);
  const y = (value) => bottom - ((bottom - EDGE.top) * value) / top;
  const grid = steps.flatMap((value) => [
    svg("line", { class: "grid", x1: EDGE.left, x2: right, y1: y(value), y2: y(value) }),
    svg("text", { class: "tick", x: EDGE.left - 6, y: y(value) + 4, "text-anchor": "end" }, say(value)),
  ]);
  const hours = timeTicks(start, start + (count - 1) * step, state.width > 420 ? 10 : 20).map(({ at, text }) =>
    svg("text", { class: "tick", x: x((at - start) / step), y: HEIGHT - 4, "text-anchor": "middle" }, text));
  const drawn = series.map((numbers, n) => svg("path", { class: "line", data: { tone: lines[n].tone }, d: path(numbers, x, y) }));
  state.rule = svg("line", { class: "rule", y1: EDGE.top, y2: bottom });
  state.dots = lines.map(({ tone }) => svg("circle", { class: "dot", data: { tone }, r: 3.5 }));
  Object.assign(state, { x, y });
  const empty = known.length ? null : svg("text", { class: "tick", x: (EDGE.left + right) / 2, y: bottom / 2 + EDGE.top, "text-anchor": "middle" }, t.nothing);
  picture.replaceChildren(...grid, ...hours, ...drawn, state.rule, ...state.dots, ...(empty ? [empty] : []));
}

/** Shows the moment that is read. */
function mark({ rule, dots, data, x, y }, at, isShown) {
  if (!rule) return;
  rule.setAttribute("x1", x(at));
  rule.setAttribute("x2", x(at));
  rule.toggleAttribute("data-shown", isShown);
  dots.forEach((dot, n) => {
    const value = data.series[n][at];
    const isThere = isShown && value !== null && value !== undefined;
    dot.toggleAttribute("data-shown", isThere);
    if (isThere) {
      dot.setAttribute("cx", x(at));
      dot.setAttribute("cy", y(value));
    }
  });
}
