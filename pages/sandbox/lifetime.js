// One message's life, as the inspector draws it: out of what the sandbox tells of a message, or, for one that it has
// forgotten or an older sandbox, out of the chat's own entries, which know WeChat's side.

// A worker lets a message go in these ways too, and it goes on later.
const NOT_OVER = ["retried", "snoozed", "awaiting", "held", "offered", "handed_back", "released"];
const BETWEEN_MS = 2000; // a try follows the last one sooner
const QUIET_MS = 15 * 60_000; // a message that has shown nothing for so long isn't drawn as running

/** `told` is the answer of `/sandbox/message/…`, or null; `entries` the chat's. */
export function lifetime(msgId, told, entries, inside) {
  const own = entries.filter((entry) => entry.msg_id === msgId || entry.for === msgId);
  const life = told ? fromTold(told) : fromEntries(msgId, own);
  if (!life) return null;
  const shown = own.filter(({ what }) => what === "sent" || what === "replied");
  life.saidMs = own.find(({ what }) => what === "said")?.at_ms ?? life.saidMs;
  const stage = (name) => life.stages.find((one) => one.stage === name);
  const sent = life.stages.filter((one) => one.stage === "sent");
  const last = life.stages.at(-1);
  const letGo = last?.stage === "ended" ? last : null;
  const ended = letGo && !NOT_OVER.includes(letGo.end) ? letGo : null;
  // What came after the ack is a replay, or one try too many, and no part of its way.
  const settled = life.tries.findIndex((one) => one.result === "acked" || one.result === "passive_reply");
  const pushes = settled < 0 ? life.tries : life.tries.slice(0, settled + 1);
  const acked = pushes[settled];
  const passive = pushes.find((one) => one.result === "passive_reply");
  // What the chat says of the ack and of the answer counts here too: the story's own clock reads another number.
  const tookMs = acked ? own.find(({ what }) => what === "acked")?.ms ?? acked.at_ms - pushes[0].at_ms + acked.took_ms : null;
  const originMs = pushes[0]?.at_ms ?? life.open?.since_ms ?? life.saidMs; // WeChat's five seconds begin here
  const ackedMs = stage("stored")?.at_ms ?? (acked ? acked.at_ms + acked.took_ms : null);
  const takenMs = stage("taken")?.at_ms ?? null;
  // Where answers go out in responses, a message is stored and handled before its push is answered.
  const storedMs = takenMs === null ? ackedMs : Math.min(takenMs, ackedMs ?? takenMs);
  const answeredMs = shown[0]?.at_ms ?? sent[0]?.at_ms ?? (passive ? passive.at_ms + passive.took_ms : null);
  const lastMs = Math.max(life.saidMs, ...pushes.map((one) => one.at_ms + one.took_ms), ...(told?.calls ?? []).map((call) => call.at_ms), ...life.stages.map((one) => one.at_ms));
  const open = settled < 0 ? life.open : null;
  const isFailed = life.isGivenUp || (settled < 0 && !open && life.tries.length > 0 && Date.now() - lastMs > BETWEEN_MS);
  const isOver = ended !== null || (!inside && answeredMs !== null && !open) || isFailed || Date.now() - lastMs > QUIET_MS;
  const refused = (told?.calls ?? []).filter((call) => call.errcode !== 0);
  const runs = handlings(life.stages);
  // So `huixin dev` calls what stands behind the configuration's routes; the chat has a line about it.
  const isUnmatched = ended?.end === "no_reply" && runs.at(-1)?.route === "unmatched" && entries.some(({ what }) => what === "unmatched");
  return { ...life, isUnmatched, originMs, pushes, open, told, inside, sent, refused, ended, letGo, tookMs, storedMs, answeredMs, lastMs, runs, recordedMs: stage("recorded")?.at_ms ?? null, isRunning: !isOver };
}

function fromTold(told) {
  const tries = told.tries ?? [];
  return { msgId: told.msg_id, kind: told.kind, content: told.content, saidMs: told.said_ms, tries, open: told.open ?? null, stages: told.stages ?? [], isGivenUp: false };
}

function fromEntries(msgId, own) {
  const said = own.find((entry) => entry.what === "said");
  if (!said) return null;
  const tries = own.filter((entry) => entry.what === "tried").map(({ n, at_ms: end, took_ms: took, outcome }) => ({ n, at_ms: end - took, took_ms: took, result: outcome.result, detail: outcome.detail ?? null, response: null }));
  const stages = own.filter((entry) => entry.what === "sent").map((entry, n) => ({ stage: "sent", at_ms: entry.at_ms, part: n + 1, of: null }));
  const end = own.find((entry) => ["acked", "fault_notice", "given_up", "withheld"].includes(entry.what));
  const since = tries.length ? tries.at(-1).at_ms + tries.at(-1).took_ms : said.at_ms;
  const isFresh = Date.now() - since < 60_000;
  return { msgId, kind: said.kind, content: said.content, saidMs: said.at_ms, tries, open: end || !isFresh ? null : { n: tries.length + 1, since_ms: since }, stages, isGivenUp: Boolean(end) && end.what !== "acked" };
}

/** Each start of a handler with its end, if it has one. */
function handlings(stages) {
  const runs = [];
  for (const stage of stages) {
    if (stage.stage === "handling") runs.push({ startMs: stage.at_ms, endMs: null, ms: null, route: stage.route ?? "", attempt: stage.attempt ?? runs.length + 1, error: null });
    const run = runs.at(-1);
    if (stage.stage === "handled" && run && run.endMs === null) Object.assign(run, { endMs: stage.at_ms, ms: stage.ms, error: stage.error ?? null });
  }
  // One that was broken off ended when the next began.
  runs.forEach((run, n) => { if (run.endMs === null && n + 1 < runs.length) Object.assign(run, { endMs: runs[n + 1].startMs, isBroken: true }); });
  return runs;
}
