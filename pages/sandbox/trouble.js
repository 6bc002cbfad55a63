// Trouble on order: each chip makes WeChat fail in one way. A chip that stands shows how often it will still act, and pressed
// again it is undone. What can't be undone (the clock, a token that is gone, a killed worker) says so.

import { button, element } from "../shared/dom.js";
import { duration } from "../shared/format.js";
import { fail } from "../shared/toast.js";
import { post, remove } from "./api.js";
import { accounts, facts, here } from "./chats.js";
import { faultName, t } from "./texts.js";

const HOURS_48 = 48 * 3600;
const MOST_PUSH_TRIES = 30; // faults of pushes are for so many tries at most

const code = (number) => ({ on: "send", fault: "code", code: number });
const GROUPS = [
  { title: t.trouble.sends, orders: [code(45015), code(48001), code(45009), code(-1), { on: "send", fault: "delay", ms: 3000, label: t.trouble.slow }, { on: "send", fault: "cut", label: t.trouble.cut },
    { on: "send", fault: "cut_after_accept", label: t.trouble.cutAfter }, { on: "send", fault: "html", label: t.trouble.html }] },
  { title: t.trouble.pushes, orders: [{ on: "push", fault: "lost_ack", label: t.trouble.lostAck }, { on: "push", fault: "hang_up", at: "before", ms: 0, label: t.trouble.hangUp }] },
];

let note = () => {};
let changed = () => {};
let state = { faults: [], right: null };
const chips = []; // { element, order, left }
const times = element("select", { class: "input", id: "fault-times" }, [1, 3, 10, 0].map((n) => element("option", { value: String(n) }, n ? t.trouble.next(n) : t.trouble.always)));
const others = element("div", { class: "stack", hidden: true });
const noRight = chip(t.trouble.noRight, "no-right", toggleRight);
const undoAll = button(t.trouble.undoAll, undoEverything, { data: { trouble: "undo-all" } });
const clock = [[t.trouble.hours, HOURS_48, "clock-48h"], [t.trouble.minute, 60, "clock-1min"]].map(([label, seconds, name]) => chip(label, name, () => moveClock(label, seconds), t.trouble.backOnly));
const dead = [[t.trouble.dead, "revoke"], [t.trouble.expired, "expire"]].map(([label, what]) => chip(label, `token-${what}`, () => turnToken(label, what), t.trouble.once));
const kill = chip(t.trouble.kill, "kill", killWorker, t.trouble.killText);
const processes = section(t.trouble.process, [kill], t.trouble.killText);
let panel = null;

/** `say(text)` writes a line into the chat; `again()` asks for the state anew. */
export function wireTrouble(say, again) {
  note = say;
  changed = again;
}

export function troublePanel() {
  panel ??= element("div", { class: "stack trouble" },
    element("p", { class: "soft" }, t.trouble.lead),
    element("div", { class: "row" }, element("label", { class: "row" }, element("span", { class: "soft" }, t.trouble.times), times), undoAll),
    GROUPS.map(({ title, orders }, n) => section(title, [...orders.map(orderChip), ...(n === 0 ? [noRight] : [])])),
    section(t.trouble.time, [...clock, ...dead], t.trouble.backOnly),
    processes, others);
  redraw();
  return panel;
}

/** Draws how things stand. */
export function showStanding(now) {
  state = { ...now, faults: now.faults ?? [] };
  if (panel) redraw();
}

function section(title, content, hint) {
  return element("section", { class: "stack" }, element("h3", {}, title), element("div", { class: "row" }, content), hint ? element("p", { class: "soft small" }, hint) : null);
}

function chip(label, name, act, title) {
  const made = element("button", { class: "chip fault-chip", type: "button", "aria-pressed": "false", title, data: { trouble: name } }, element("span", {}, label), element("span", { class: "left number" }));
  made.addEventListener("click", async () => {
    try {
      await act();
    } catch (error) {
      fail(t.failedToSend(error.message));
    }
    changed();
  });
  return made;
}

const nameOf = (order) => order.label ?? (order.fault === "code" ? faultName(order) : faultName(order));

function orderChip(order) {
  const name = order.fault === "code" ? `code-${order.code}` : order.fault;
  const made = chip(nameOf(order), name, () => toggle(order));
  chips.push({ made, order });
  return made;
}

/** The orders that stand of a chip: those of this account, or of all. */
function standing({ on, fault, code: number, ms }) {
  return state.faults.filter((one) => one.on.length === 1 && one.on[0] === on && one.fault.fault === fault && one.fault.code === number
    && (fault !== "delay" || one.fault.ms === ms) && (!one.account || one.account === here.chat?.account));
}

async function toggle(order) {
  const stands = standing(order);
  if (stands.length) {
    for (const { id } of stands) await remove(`/sandbox/faults/${id}`);
    note(t.trouble.undone(nameOf(order)));
    return;
  }
  const { label: _, ...asked } = order;
  const count = Number(times.value);
  if (order.on === "push") asked.times = count || MOST_PUSH_TRIES;
  else Object.assign(asked, count ? { times: count } : { every: 1 }, { account: here.chat.account });
  await post("/sandbox/faults", asked);
  note(t.trouble.ordered(nameOf(order), count ? t.trouble.next(count) : t.trouble.always));
}

async function undoEverything() {
  try {
    await remove("/sandbox/faults");
    if (accounts.get(here.chat.account)?.may_send === false) await setRight(true);
    note(t.trouble.undone(t.trouble.undoAll));
  } catch (error) {
    fail(t.failedToSend(error.message));
  }
  changed();
}

async function toggleRight() {
  const maySend = accounts.get(here.chat.account)?.may_send !== false;
  await setRight(!maySend);
  note(maySend ? t.trouble.ordered(t.trouble.noRight) : t.trouble.done);
}

async function setRight(maySend) {
  await post("/sandbox/rules", { account: here.chat.account, may_send: maySend });
  const account = accounts.get(here.chat.account);
  if (account) account.may_send = maySend;
}

async function moveClock(label, seconds) {
  await post("/sandbox/clock", { seconds });
  note(t.trouble.ordered(label, t.trouble.backOnly));
}

async function turnToken(label, what) {
  await post("/sandbox/tokens", { account: here.chat.account, do: what });
  note(t.trouble.ordered(label, t.trouble.once));
}

async function killWorker() {
  await post("/sandbox/worker", { do: "kill" });
  note(t.trouble.ordered(t.trouble.kill, t.trouble.killText));
}

const leftOf = (one) => (one.which?.times === undefined ? t.trouble.each : t.trouble.left(one.which.times));

function redraw() {
  const known = new Set();
  for (const { made, order } of chips) {
    const stands = standing(order);
    stands.forEach(({ id }) => known.add(id));
    press(made, stands.length > 0, stands.length ? leftOf(stands[0]) : "");
  }
  press(noRight, accounts.get(here.chat?.account)?.may_send === false, accounts.get(here.chat?.account)?.may_send === false ? t.trouble.given : "");
  const ahead = state.clock_ahead_s ?? 0;
  press(clock[0], ahead >= HOURS_48, ahead > 0 ? t.right.ahead(duration(ahead * 1000)) : "");
  processes.hidden = !facts.mayKillWorker;
  const rest = state.faults.filter(({ id }) => !known.has(id));
  others.hidden = rest.length === 0;
  others.replaceChildren(element("h3", {}, t.trouble.standing), ...rest.map((one) => element("div", { class: "row" },
    element("span", {}, `${one.on.map((on) => t.endpoints[on] ?? on).join(", ")}: ${faultName(one.fault)} · ${leftOf(one)}`),
    button(t.trouble.undo, async () => {
      await remove(`/sandbox/faults/${one.id}`).catch((error) => fail(t.failedToSend(error.message)));
      changed();
    }))));
}

function press(made, isOn, left) {
  made.setAttribute("aria-pressed", isOn);
  made.lastChild.textContent = left;
}
