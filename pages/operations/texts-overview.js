// What the overview and its charts say.

import { language } from "../shared/language.js";
import { duration, number } from "../shared/format.js";

const s = (count, one, more) => `${number(count)} ${count === 1 ? one : more}`;

export const overviewTexts = {
  en: {
    well: "All is well", wellMore: "Pushes are taken in, messages are handled, and WeChat takes the answers.",
    attention: (n) => s(n, "thing needs attention", "things need attention"), lead: "The worst is first, each with what to do.", others: (n) => `${number(n)} more`,
    open: "Open", running: "Running", delayed: "Delayed", held: "Held", parked: "Parked", dead: "Dead letters", oldest: "Oldest wait",
    openSay: "taken in and not at their end", runningSay: (permits) => (permits ? `of ${number(permits)} at once` : "being handled now"), delayedSay: "wait for their next attempt",
    heldSay: "until their users write again", parkedSay: "users, while they are paused", deadSay: (n) => (n ? `${number(n)} more in this hour` : "none more in this hour"),
    oldestSay: "the next in line", nobody: "nobody",
    hour: "The last hour", read: "Point at a chart, or go to it by the keyboard and press the arrow keys.",
    refused: "Refused at the door", refusedSay: "Pushes of the last six hours that were never stored, by account, reason and hour.",
    noRefused: "No push was refused in the last six hours.",
    pausedAll: "Everything is paused", paused: (what) => `${what} is paused`, since: (time, reason) => `since ${time}: ${reason || "no reason was given"}`, resumeIt: "Resume it when the reason is gone.",
    until: (time) => `It is tried again by itself at ${time}.`, byItself: "There is nothing to do but to wait.",
    noWorker: "No worker is running", noWorkerDo: "Messages are taken in and wait. Start `huixin worker` or `huixin run`.",
    noReceiver: "No receiver is running", noReceiverDo: "Pushes don't reach Huixin. Start `huixin receiver` or `huixin run`.",
    silent: (name, ms) => `${name} has not been heard of for ${duration(ms)}`, silentDo: "It has died, hangs, or reaches no queue: look at its log. What it had goes to others.",
    problem: (name) => `${name} can't do its work`, warning: (name) => `${name} warns`,
    versions: "Processes of different versions are running", versionsDo: "That is right during an upgrade only.",
    spooled: (n, host) => `${s(n, "message lies", "messages lie")} on the disk of ${host}`, spooledDo: "The queue was away or slow. They are carried there by themselves once it is back: look at the queue.",
    quarantined: (n, host) => `The queue refuses ${s(n, "entry", "entries")} of the spool of ${host}`, quarantinedDo: "The receiver's log has the reason. They are tried again from time to time.",
    dying: (n) => `${s(n, "message has", "messages have")} died in the last ten minutes`, dyingDo: "Look at the causes, mend them, then retry.",
    waits: (ms) => `The next message in line has waited for ${duration(ms)}`, waitsDo: "Too few workers, none for this account, or a slow service: start workers, or raise `concurrency`.",
    door: (n, reason) => `${s(n, "push was", "pushes were")} refused at the door in the last hour (${reason})`,
    uncounted: (n) => `${s(n, "push", "pushes")} could not be understood, and ${n === 1 ? "was" : "were"} only counted`, uncountedDo: "1,000 such letters lie there already: look at them, and drop them.",
        charts: { flow: "Messages a minute", open: "Open messages", ack: "Answer to a push", queueing: "Time until a handler starts", handling: "Time of handlers" },
    lines: { accepted: "accepted", answered: "answered", no_reply: "no reply", dead: "dead", refused_sends: "refused sends", open: "open", p50: "p50", p99: "p99" },
  },
  zh: {
    well: "一切正常", wellMore: "推送照常收下，消息照常处理，微信收下了回复。",
    attention: (n) => `有 ${number(n)} 件事需要处理`, lead: "最要紧的排在前面，各附处理办法。", others: (n) => `还有 ${number(n)} 件`,
    open: "未完成", running: "处理中", delayed: "待重试", held: "保留", parked: "暂停中", dead: "死信", oldest: "队首已等",
    openSay: "已收下，还没有结束", runningSay: (permits) => (permits ? `最多同时 ${number(permits)} 条` : "正在处理"), delayedSay: "在等下一次尝试",
    heldSay: "等用户下次发言", parkedSay: "位用户在等暂停结束", deadSay: (n) => (n ? `这一小时新增 ${number(n)}` : "这一小时没有新增"),
    oldestSay: "排在最前的一条", nobody: "没有",
    hour: "最近一小时", read: "把鼠标移到图上，或用键盘选中图后按方向键，就能看到那一刻的数值。",
    refused: "拒收的推送", refusedSay: "最近六小时在入口被拒、从未入库的推送，按账号、原因和小时列出。",
    noRefused: "最近六小时没有拒收推送。",
    pausedAll: "已全部暂停", paused: (what) => `${what} 已暂停`, since: (time, reason) => `自 ${time}：${reason || "没有写原因"}`, resumeIt: "原因消除后请恢复。",
    until: (time) => `${time} 会自动再试。`, byItself: "只能等待。",
    noWorker: "没有 worker 在运行", noWorkerDo: "消息照收，但都在等。请启动 `huixin worker` 或 `huixin run`。",
    noReceiver: "没有 receiver 在运行", noReceiverDo: "推送到不了回信。请启动 `huixin receiver` 或 `huixin run`。",
    silent: (name, ms) => `${name} 失联 ${duration(ms)}`, silentDo: "它已退出、卡住或连不上队列：请看它的日志。它手上的消息会转给别的进程。",
    problem: (name) => `${name} 无法工作`, warning: (name) => `${name} 的警告`,
    versions: "正在运行的进程版本不一", versionsDo: "只有升级期间才应如此。",
    spooled: (n, host) => `${host} 的磁盘上暂存着 ${number(n)} 条消息`, spooledDo: "队列曾经中断或太慢。恢复后会自动搬进队列：请看队列。",
    quarantined: (n, host) => `队列拒收 ${host} 暂存里的 ${number(n)} 条`, quarantinedDo: "原因在 receiver 的日志里。会不时再试。",
    dying: (n) => `最近十分钟新增 ${number(n)} 封死信`, dyingDo: "看看原因，解决后重试。",
    waits: (ms) => `排在最前的消息已等了 ${duration(ms)}`, waitsDo: "worker 太少、没有负责这个账号的 worker，或服务太慢：增加 worker，或调高 `concurrency`。",
    door: (n, reason) => `最近一小时拒收了 ${number(n)} 个推送（${reason}）`,
    uncounted: (n) => `${number(n)} 个看不懂的推送只计了数`, uncountedDo: "这样的死信已有 1,000 封：看一看，然后丢弃。",
        charts: { flow: "每分钟消息数", open: "未完成的消息", ack: "应答推送的耗时", queueing: "开始处理前的等待", handling: "处理耗时" },
    lines: { accepted: "收下", answered: "已回复", no_reply: "无需回复", dead: "死信", refused_sends: "发送被拒", open: "未完成", p50: "p50", p99: "p99" },
  },
}[language];

export const chartTexts = {
  en: { now: "latest", unknown: "unknown", nothing: "nothing is known of this hour yet" },
  zh: { now: "最新", unknown: "未知", nothing: "这一小时还没有数据" },
}[language];
