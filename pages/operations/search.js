// Searches the journal by what a person typed. An OpenID means something only with its account, so without one all are asked.

import { get } from "./api.js";
import { around, moment } from "./times.js";

const MSG_ID = /^\d{6,25}$/;
const OWN_ID = /^m[\w-]{22}$/;

/** What the query of an address asks for: `{ user?, account?, id?, since?, until?, end?, code? }`. */
export function read(query) {
  const typed = (query.who ?? "").trim();
  const asked = { account: query.account || undefined, end: query.end || undefined, code: query.code?.trim() || undefined };
  if (MSG_ID.test(typed) || OWN_ID.test(typed)) asked.id = typed;
  else if (typed.includes("/")) [asked.account, asked.user] = [typed.slice(0, typed.indexOf("/")), typed.slice(typed.indexOf("/") + 1)];
  else if (typed) asked.user = typed;
  const at = query.at ? moment(query.at) : null;
  if (query.at && at === null) asked.isBadTime = true;
  if (at !== null) Object.assign(asked, around(at, Number(query.within) || 2));
  if (asked.code && !/^-?\d{1,9}$/.test(asked.code)) asked.isBadCode = true;
  return asked;
}

/** Asks. Gives `{ ended, lanes, refused, journal_since, more }` of all accounts together. */
export async function search(asked, accounts, limit, signal) {
  const conditions = { id: asked.id, since_ms: asked.since, until_ms: asked.until, end: asked.end, code: asked.code, limit };
  const whose = asked.user ? (asked.account ? [asked.account] : accounts) : [asked.account];
  const found = { ended: [], lanes: [], refused: [], journal_since: null, more: false };
  for (const account of whose) {
    const view = await get("trace", { ...conditions, account, user: asked.user }, signal);
    found.ended.push(...view.ended);
    found.more ||= view.more;
    found.journal_since = view.journal_since;
    if (view.open) found.lanes.push({ account, user: asked.user, lane: view.open });
    for (const one of view.refused) {
      const isKnown = found.refused.some((other) => other.account === one.account && other.reason === one.reason && other.first_at === one.first_at);
      if (!isKnown) found.refused.push(one);
    }
  }
  return found;
}
