// What the journal and the history of one message say.

import { language } from "../shared/language.js";
import { duration, number } from "../shared/format.js";

const s = (count, one, more) => `${number(count)} ${count === 1 ? one : more}`;

export const journalTexts = {
  en: {
    lead: "What became of messages. Nothing of their text is here.",
    who: "User or id", whoHint: "OpenID, message id or MsgId", at: "Time", atHint: "14:03", within: "± minutes", end: "End", anyEnd: "every end", code: "WeChat's code",
    search: "Search", clear: "Clear",
    badTime: "This time can't be read. Write it as 14:03, 14:03:20, 11-28 14:03 or 2026-11-28 14:03.", badCode: "A code is a number, such as 45015.",
    span: (since, until, zone) => `from ${since} to ${until} (${zone})`, always: (zone) => `at any time (times are ${zone})`,
    came: "Came", user: "User", kind: "Type", route: "Route", ended: "End", queued: "Waited", handled: "Handled", why: "Why",
    shown: (n, more) => (more ? `The youngest ${number(n)}; there may be more: narrow the search.` : s(n, "message", "messages")), further: "Show up to 500",
    nothing: "No such message has ended.", listed: "Messages", openNow: "Open now", position: (n) => `${number(n)}. in line`, isHeld: "held until the user writes again",
    since: (time) => `The journal begins with what ended at ${time}.`, empty: "The journal is empty.",
    says: "What this says", dueAt: (time) => `The next attempt, or the end of the wait, is at ${time}.`, lastError: (error) => `The last attempt failed: ${error}`,
  },
  zh: {
    lead: "每条消息的结局。这里没有消息的内容。",
    who: "用户或编号", whoHint: "OpenID、消息编号或 MsgId", at: "时间", atHint: "14:03", within: "± 分钟", end: "结局", anyEnd: "全部结局", code: "微信错误码",
    search: "查询", clear: "清空",
    badTime: "看不懂这个时间。请写成 14:03、14:03:20、11-28 14:03 或 2026-11-28 14:03。", badCode: "错误码是数字，例如 45015。",
    span: (since, until, zone) => `从 ${since} 到 ${until}（${zone}）`, always: (zone) => `不限时间（时间按 ${zone}）`,
    came: "收到", user: "用户", kind: "类型", route: "路由", ended: "结局", queued: "等待", handled: "处理", why: "原因",
    shown: (n, more) => (more ? `最新的 ${number(n)} 条；可能还有更多，请缩小范围。` : `${number(n)} 条消息`), further: "最多显示 500 条",
    nothing: "没有这样的已结束消息。", listed: "消息", openNow: "尚未完成", position: (n) => `排在第 ${number(n)}`, isHeld: "留到用户下次发言",
    since: (time) => `记录从 ${time} 结束的消息开始。`, empty: "记录是空的。",
    says: "结论", dueAt: (time) => `下一次尝试或等待的终点：${time}。`, lastError: (error) => `上一次尝试失败：${error}`,
  },
}[language];

export const findingTexts = {
  en: {
    never: "It never came", neverSince: "Since then nothing came", ahead: "This time is still to come: look at the date",
    neverMore: (account) => `No push of this user was taken in${account ? ` for ${account}` : ""}, and none that was refused names them.`,
    neverDo: "Ask whether they wrote to this account; look at the URL in WeChat's console; run `huixin check`. (What can't be read has no user: look among the dead letters.)",
    perhaps: (n) => `Perhaps it was refused at the door: ${s(n, "push", "pushes")} at that time, of users unknown`,
    turned: (n) => `It came, and was turned away at the door (${s(n, "push", "pushes")} at that hour; at least one names a user whose OpenID ends like this one's)`,
    tooOld: (time) => `The journal begins at ${time}: what is older isn't known any more`, tooOldDo: "`queue.journal` says how much is kept.",
    unmatched: (n) => `No route takes ${s(n, "message", "messages")}`, unmatchedDo: "`huixin route test` says why; add a route.",
    refusedBy: (n, code, meaning) => `The service answered, and WeChat refused ${s(n, "answer", "answers")}: ${code}${meaning ? `, ${meaning}` : ""}`, rid: (rid) => `WeChat's support finds the call by rid ${rid}.`,
    failed: (n) => `The service failed for ${s(n, "message", "messages")}`, failedDo: "Look at its log; then retry the dead letter.",
    again: (n, code, meaning) => `WeChat refused ${s(n, "answer", "answers")} at first with ${code}${meaning ? `, ${meaning}` : ""}, and took ${n === 1 ? "it" : "them"} later`, againDo: "There is nothing to do.",
    late: (n, ms) => `${s(n, "answer", "answers")} took long, up to ${duration(ms)}`, lateDo: "The columns say whether it waited or the service was slow.",
    silent: (n) => `The service had nothing to say to ${s(n, "message", "messages")}`, silentDo: "If it should have, look at the service.",
    fine: (n) => `WeChat took the ${n === 1 ? "answer" : "answers"} to ${s(n, "message", "messages")}`,
    open: (n, state) => `${s(n, "message is", "messages are")} open: ${state}`, held: (n) => `${s(n, "answer is", "answers are")} held until the user writes again`, heldDo: "WeChat does not allow them now: docs/delivery.md.",
    paused: "This user is paused", pausedDo: "Resume them on their page.",
    idUnknown: "No message with this id has ended", idUnknownDo: "It may be open still (search by its user), older than the journal, or never have come.",
  },
  zh: {
    never: "消息根本没有来", neverSince: "此后没有来过消息", ahead: "这个时间还没有到：请核对日期",
    neverMore: (account) => `没有收下过这位用户${account ? `发给 ${account} ` : ""}的推送，被拒的推送里也没有提到这位用户。`,
    neverDo: "问问用户是不是写给了这个账号；核对微信开发者平台里的 URL；运行 `huixin check`。（看不懂的推送没有用户：请到死信里找。）",
    perhaps: (n) => `也许在入口就被拒了：那段时间拒收了 ${number(n)} 个推送，不知是谁的`,
    turned: (n) => `消息来过，但在入口被拒（那一小时共 ${number(n)} 个，至少一个的 OpenID 末四位与这位用户相同）`,
    tooOld: (time) => `记录从 ${time} 开始：更早的已经查不到`, tooOldDo: "`queue.journal` 决定保留多少。",
    unmatched: (n) => `${number(n)} 条消息没有路由接`, unmatchedDo: "`huixin route test` 会说明原因；请添加路由。",
    refusedBy: (n, code, meaning) => `服务已作答，但微信拒收了 ${number(n)} 个回复：${code}${meaning ? `，${meaning}` : ""}`, rid: (rid) => `微信客服可用 rid ${rid} 查到这次调用。`,
    failed: (n) => `服务处理 ${number(n)} 条消息失败`, failedDo: "看服务的日志，然后重试死信。",
    again: (n, code, meaning) => `微信起初以 ${code}${meaning ? `（${meaning}）` : ""}拒收 ${number(n)} 个回复，后来收下了`, againDo: "无需处理。",
    late: (n, ms) => `${number(n)} 个回复很慢，最慢 ${duration(ms)}`, lateDo: "各列说明是排队久还是服务慢。",
    silent: (n) => `服务对 ${number(n)} 条消息没有要说的`, silentDo: "如果应该有回复，请检查服务。",
    fine: (n) => `微信收下了对 ${number(n)} 条消息的回复`,
    open: (n, state) => `${number(n)} 条消息尚未完成：${state}`, held: (n) => `${number(n)} 个回复留到用户下次发言`, heldDo: "微信此刻不允许发送：docs/delivery.md。",
    paused: "这位用户被暂停了", pausedDo: "可在用户页恢复。",
    idUnknown: "没有以这个编号结束的消息", idUnknownDo: "可能尚未完成（请按用户查询）、早于记录，或根本没有来。",
  },
}[language];

export const messageTexts = {
  en: {
    title: "Message", again: "This message ended more than once: a dead letter was retried. The last end is first.", facts: "What is known", history: "What happened",
    took: "Where the time went", earlier: "earlier attempts", queueing: "waiting", handling: "handling", sending: "sending", total: (ms) => `${duration(ms)} from its arrival to its end`,
    accepted: "Taken in", acceptedMore: "and stored: WeChat got its ack", attempts: (n) => `${s(n, "earlier attempt", "earlier attempts")} did not end it`,
    handler: "Its handler started", handlerMore: (route, worker) => [route && `route ${route}`, worker && `at ${worker}`].filter(Boolean).join(", "), handled: "The service answered", ran: (ms) => `after ${duration(ms)}`,
    stopped: "The service ended", sent: "Sending ended", sentMore: (ms, parts) => `${s(parts, "part", "parts")}, ${duration(ms)}`, noTimes: "The last attempt only sent what an earlier one had answered, or it died before a handler had it: no further times are known.",
    code: (code, meaning) => `WeChat refused a call with ${code}${meaning ? `: ${meaning}` : ""}`, reason: "Why", parts: "Parts", number: "Attempts", msgId: "MsgId", worker: "Worker", kind: "Type", rid: "rid", route: "Route",
    waitingNow: "It waits", runningNow: (ms) => `It has been running for ${duration(ms)}`, heldNow: "It is held until its user writes again", unknown: "Nothing is known of this id",
    unknownMore: "It isn't in the journal. If it is open, its user's page shows it; else it is older than the journal, or it never came.",
    letter: "Dead letter", letterGone: "It is no longer among the dead letters: it was retried or dropped.", toUser: "This user", nearby: "What came at that time",
  },
  zh: {
    title: "消息", again: "这条消息结束过不止一次：死信被重试过。最后一次在最前。", facts: "已知信息", history: "经过",
    took: "时间花在哪里", earlier: "之前的尝试", queueing: "等待", handling: "处理", sending: "发送", total: (ms) => `从收到到结束共 ${duration(ms)}`,
    accepted: "收下", acceptedMore: "并已入库：微信得到了应答", attempts: (n) => `之前 ${number(n)} 次尝试没有了结它`,
    handler: "开始处理", handlerMore: (route, worker) => [route && `路由 ${route}`, worker && `在 ${worker}`].filter(Boolean).join("，"), handled: "服务作答", ran: (ms) => `用了 ${duration(ms)}`,
    stopped: "服务的处理结束", sent: "发送结束", sentMore: (ms, parts) => `${number(parts)} 条，${duration(ms)}`, noTimes: "最后一次尝试只发送了之前的回复，或在处理之前就已放弃：没有更多时间可查。",
    code: (code, meaning) => `微信拒绝了一次调用：${code}${meaning ? `，${meaning}` : ""}`, reason: "原因", parts: "条数", number: "尝试次数", msgId: "MsgId", worker: "进程", kind: "类型", rid: "rid", route: "路由",
    waitingNow: "正在等待", runningNow: (ms) => `已处理 ${duration(ms)}`, heldNow: "留到用户下次发言", unknown: "查不到这个编号",
    unknownMore: "记录里没有它。若尚未完成，用户页会显示；否则早于记录，或根本没有来。",
    letter: "死信", letterGone: "它已不在死信里：被重试或丢弃了。", toUser: "这位用户", nearby: "同一时间的消息",
  },
}[language];
