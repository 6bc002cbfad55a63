// What the pages of dead letters say.

import { language } from "../shared/language.js";
import { number } from "../shared/format.js";

const s = (count, one, more) => `${number(count)} ${count === 1 ? one : more}`;

export const deadTexts = {
  en: {
    lead: "Messages that were given up. Their users got the failure reply, or nothing. Mend the cause, then retry: WeChat takes an answer for 48 hours after the user's last message.",
    none: "There are no dead letters.", noneLike: "No dead letter is like that.", causes: "Causes", letters: "Letters", each: "One by one",
    looked: (scanned, total) => (scanned < total ? `by the youngest ${number(scanned)} of ${number(total)}` : s(total, "letter", "letters")),
    cause: "Cause", count: "Letters", since: "Since", newest: "Youngest", accounts: "Accounts", todo: "What to do", open: "Open", retry: "Retry", drop: "Drop", text: "Show the text",
    filter: "Account, user, reason", apply: "Filter", clear: "Clear", user: "User", reason: "Reason contains",
    allRetry: "Retry all that match", allDrop: "Drop all that match", groupRetry: "Retry this group", groupDrop: "Drop this group", back: "All causes",
    died: "Died", came: "Came", kind: "Type", failures: "Failed attempts", losses: "Lost leases", select: "Chosen", choose: (id) => `Choose ${id}`, chooseAll: "Choose all on this page",
    chosen: (n) => `${number(n)} chosen`, chosenRetry: "Retry the chosen", chosenDrop: "Drop the chosen",
    next: "Older", first: "Youngest", shown: (n) => `${s(n, "letter", "letters")} on this page`, searching: "Nothing in the letters that were looked at so far; go on with “Older”.",
    asksText: "Show what the user wrote?", asksTextMore: "Asking is noted in the changes, with who you are.", yesText: "Show it", hideText: "Hide the text", textOf: "The push as it came", gone: "It is no longer among the dead letters.",
    asksRetry: (n) => `Retry ${s(n, "dead letter", "dead letters")}?`, asksRetryMore: "They go to the end of their users' lines and are handled again. If an answer had reached a user, they may get it twice.",
    asksDrop: (n) => `Drop ${s(n, "dead letter", "dead letters")} for good?`, asksDropMore: "They can't be brought back, and their users get no answer.",
    asksRetryAll: "Retry all that match?", asksDropAll: "Drop all that match, for good?", matching: (what) => `All dead letters with: ${what}.`, everything: "no condition: every dead letter", about: (n) => ` About ${number(n)}.`,
    retried: (n) => `${s(n, "letter", "letters")} put back`, dropped: (n) => `${s(n, "letter", "letters")} dropped`,
    working: "Working", progress: (done, looked) => `${number(done)} done, ${number(looked)} looked at`, stop: "Stop", stopped: "Stopped.", finished: "Done.", byCause: (cause) => `cause “${cause}”`, byAccount: (name) => `account ${name}`, byUser: (name) => `user ${name}`, byReason: (text) => `“${text}” in the reason`,
    message: "Its history",
  },
  zh: {
    lead: "已放弃的消息，用户收到了失败回复，或什么也没收到。解决原因后请重试：用户最后一次发言后 48 小时内微信还收回复。",
    none: "没有死信。", noneLike: "没有这样的死信。", causes: "原因", letters: "死信", each: "逐封查看",
    looked: (scanned, total) => (scanned < total ? `按 ${number(total)} 封里最新的 ${number(scanned)} 封统计` : `共 ${number(total)} 封`),
    cause: "原因", count: "数量", since: "始于", newest: "最新", accounts: "账号", todo: "怎么办", open: "打开", retry: "重试", drop: "丢弃", text: "显示原文",
    filter: "账号、用户、原因", apply: "筛选", clear: "清空", user: "用户", reason: "原因包含",
    allRetry: "重试全部匹配的", allDrop: "丢弃全部匹配的", groupRetry: "重试这一组", groupDrop: "丢弃这一组", back: "全部原因",
    died: "放弃于", came: "收到", kind: "类型", failures: "失败次数", losses: "租约丢失", select: "选择", choose: (id) => `选择 ${id}`, chooseAll: "选择本页全部",
    chosen: (n) => `已选 ${number(n)} 封`, chosenRetry: "重试所选", chosenDrop: "丢弃所选",
    next: "更早的", first: "最新的", shown: (n) => `本页 ${number(n)} 封`, searching: "目前看过的死信里没有；请点“更早的”继续找。",
    asksText: "要显示用户写的内容吗？", asksTextMore: "查看会记入操作记录，包括您是谁。", yesText: "显示", hideText: "隐藏原文", textOf: "收到的推送原文", gone: "它已不在死信里。",
    asksRetry: (n) => `重试 ${number(n)} 封死信？`, asksRetryMore: "它们会排到各自用户的队尾，重新处理。如果用户其实已收到回复，可能会再收到一次。",
    asksDrop: (n) => `永久丢弃 ${number(n)} 封死信？`, asksDropMore: "无法找回，用户也不会收到回复。",
    asksRetryAll: "重试全部匹配的死信？", asksDropAll: "永久丢弃全部匹配的死信？", matching: (what) => `条件：${what}。`, everything: "没有条件，即所有死信", about: (n) => `约 ${number(n)} 封。`,
    retried: (n) => `已放回 ${number(n)} 封`, dropped: (n) => `已丢弃 ${number(n)} 封`,
    working: "正在进行", progress: (done, looked) => `完成 ${number(done)} 封，看过 ${number(looked)} 封`, stop: "停止", stopped: "已停止。", finished: "已完成。", byCause: (cause) => `原因“${cause}”`, byAccount: (name) => `账号 ${name}`, byUser: (name) => `用户 ${name}`, byReason: (text) => `原因包含“${text}”`,
    message: "它的经过",
  },
}[language];
