// What went over the wires for one message: the push, the request to the service and its answer, the calls of the API.
// Each can be copied, and made again by `curl`.

import { copy } from "../shared/copy.js";
import { button, element } from "../shared/dom.js";
import { duration, time } from "../shared/format.js";
import { fail, toast } from "../shared/toast.js";
import { curl } from "./curl.js";
import { callFailure, t, tryFailure } from "./texts.js";

const MOST_SHOWN = 64 * 1024; // characters of one text: more makes the page slow, and copying gives the whole

export async function copyText(text) {
  try {
    await copy(text);
    toast(t.copied);
  } catch (error) {
    fail(t.notCopied(error.message));
  }
}

const copyButton = (label, text, name) => button(label, () => copyText(text), { data: { copy: name } });

function block(text, label) {
  const shown = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
  return element("pre", { class: "code", tabindex: "0", role: "region", "aria-label": label }, shown === "" ? t.noBody : tinted(shown));
}

/** The marks of XML and the names of JSON in a colour of their own, so that the eye finds what was written between them. */
function tinted(text) {
  const marks = text.startsWith("<") ? /(<\/?[\w:]+>|<!\[CDATA\[|\]\]>)/ : /("(?:[^"\\\n]|\\.)*":)/;
  return text.split(marks).map((part, n) => (n % 2 ? element("span", { class: "mark" }, part) : part));
}

/** JSON with a line for each field; a text that isn't JSON as it is. */
function readable(text) {
  if (typeof text !== "string") return JSON.stringify(text, null, 2) ?? "";
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text; // cut off, or no JSON
  }
}

/** What was asked of whom. A signature's query is long, and of little interest: it is there for the pointer, and copied whole. */
function addressLine(method, url) {
  const [path, query] = url.split("?");
  return element("p", { class: "mono address", title: url }, element("b", {}, method), ` ${path.replace(/^https?:\/\/[^/]+/, "") || path}`, query ? element("span", { class: "soft" }, `?${query}`) : null);
}

const hint = (text) => element("p", { class: "soft small" }, text);

export function fillPush(panel, life, replay) {
  const push = life.told?.push;
  if (!push?.url) {
    panel.append(hint(t.noPush), tryList(life));
    return;
  }
  const body = push.sealed ?? push.xml;
  const command = curl("POST", push.url, push.content_type ?? "text/xml", body);
  panel.append(
    element("div", { class: "row" }, copyButton(t.copy, push.xml, "push"), copyButton(t.asCurl, command, "push-curl"), button(t.replay, replay, { data: { replay: life.msgId } })),
    addressLine("POST", push.url),
    block(push.xml, t.tabs.push));
  if (push.sealed) panel.append(element("details", {}, element("summary", {}, t.sealed), block(push.sealed, t.sealed)));
  panel.append(tryList(life));
}

function tryList(life) {
  const line = (one) => {
    const isGood = one.result === "acked" || one.result === "passive_reply";
    const detail = one.detail !== null && one.result !== "status" && one.result !== "passive_reply" ? element("span", { class: "soft" }, String(one.detail)) : null;
    return element("li", {},
      element("span", { class: "badge", data: { tone: isGood ? "good" : "bad" } }, `${t.tryLine(one.n)} · ${tryFailure(one)}`),
      element("span", { class: "soft number" }, `${time(one.at_ms)} · ${duration(one.took_ms)}`), detail,
      one.response ? block(one.response, t.response) : null);
  };
  const open = life.open ? element("li", {}, element("span", { class: "badge", data: { tone: "warn" } }, `${t.tryLine(life.open.n)} · ${t.openLine}`)) : null;
  return element("section", { class: "stack tries" }, element("h3", {}, t.tries), element("ol", { class: "lines" }, life.tries.map(line), open));
}

export function fillRequest(panel, life) {
  forExchanges(panel, life, (exchange) => {
    const text = readable(exchange.request ?? "");
    const command = curl(exchange.method, exchange.url, "application/json", exchange.request ?? "");
    return [
      element("div", { class: "row" }, copyButton(t.copy, text, "request"), copyButton(t.asCurl, command, "request-curl")),
      addressLine(exchange.method, exchange.url),
      block(text, t.tabs.request),
    ];
  });
}

export function fillAnswer(panel, life) {
  forExchanges(panel, life, (exchange) => {
    const isGood = exchange.status !== null && exchange.status < 300;
    const text = readable(exchange.response ?? "");
    return [
      element("div", { class: "row" }, element("span", { class: "badge", data: { tone: isGood ? "good" : "bad" } }, exchange.status === null ? exchange.error ?? t.running : `HTTP ${exchange.status}`),
        element("span", { class: "soft number" }, exchange.took_ms === null ? t.running : duration(exchange.took_ms)), exchange.response === null ? null : copyButton(t.copy, text, "answer")),
      exchange.error && exchange.status !== null ? hint(exchange.error) : null,
      exchange.response === null ? null : block(text, t.tabs.answer),
    ].filter(Boolean);
  });
}


function forExchanges(panel, life, draw) {
  const exchanges = life.told?.exchanges ?? [];
  if (!exchanges.length) panel.append(hint(life.inside ? t.noExchanges : t.unknownExchanges));
  for (const exchange of exchanges) {
    const title = `${t.attempt(exchange.attempt ?? 1)} · ${time(exchange.at_ms)}`;
    panel.append(element("section", { class: "stack exchange" }, exchanges.length > 1 ? element("h3", {}, title) : null, draw(exchange)));
  }
}

export function fillCalls(panel, life) {
  const calls = life.told?.calls ?? [];
  if (!calls.length) panel.append(hint(t.noCalls));
  for (const call of calls) {
    const request = readable(call.request ?? "");
    const isGood = call.errcode === 0;
    panel.append(element("section", { class: "stack exchange" },
      element("div", { class: "row" }, element("span", { class: "badge", data: { tone: isGood ? "good" : "bad" } }, isGood ? `0 ${call.errmsg ?? "ok"}` : callFailure(call)),
        element("span", { class: "soft number" }, time(call.at_ms)), copyButton(t.copy, request, "call")),
      addressLine("POST", call.path),
      isGood || !call.errmsg ? null : hint(call.errmsg),
      block(request, t.call)));
  }
}
