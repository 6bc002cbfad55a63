// What the pages of users, accounts, processes, the spool, the configuration and the changes say.

import { language } from "../shared/language.js";
import { bytes, duration, number } from "../shared/format.js";

const s = (count, one, more) => `${number(count)} ${count === 1 ? one : more}`;

export const userTexts = {
  en: {
    title: "User", kept: "What is kept", keptSay: (k) => `${number(k.open)} open, ${number(k.held)} held, ${s(k.dead, "dead letter", "dead letters")}, ${s(k.journal, "record", "records")} in the journal`,
    line: "In line", state: "State", nobody: "No message of this user is open.", position: (n) => `${number(n)}.`, held: "held until the user writes again", dueAt: "Due", lastError: "Last failure",
    journal: "Their messages", dead: "Their dead letters", forget: "Forget this user …",
    forget1: "Forget this user?", forget1More: (k) => `Messages that aren't at their end get no answer. What is removed: ${k}, what routes remember, and a pause. Backups, logs and the archive of dead letters are not touched.`, forget1Yes: "Go on",
    forget2: "Forget for good?", forget2More: (user) => `Nothing can bring it back. Type the last four characters of the OpenID (${user}) to go on.`, forget2Field: "Last four characters", forget2Yes: "Forget", mistyped: "That isn't the end of this OpenID. Nothing was removed.",
    forgotten: (n) => `Forgotten: ${s(n, "thing", "things")} removed.`, pausedSince: (time, reason) => `Paused since ${time}: ${reason || "no reason was given"}`, paused: "This user is paused.",
  },
  zh: {
    title: "用户", kept: "保存着什么", keptSay: (k) => `${number(k.open)} 条未完成，${number(k.held)} 条保留，${number(k.dead)} 封死信，${number(k.journal)} 条记录`,
    line: "队列", state: "状态", nobody: "这位用户没有未完成的消息。", position: (n) => `第 ${number(n)}`, held: "留到用户下次发言", dueAt: "到期", lastError: "上次失败",
    journal: "这位用户的消息", dead: "这位用户的死信", forget: "遗忘这位用户……",
    forget1: "遗忘这位用户？", forget1More: (k) => `未完成的消息不会得到回复。将删除：${k}、路由记住的内容和暂停。备份、日志和死信归档不受影响。`, forget1Yes: "继续",
    forget2: "确定永久遗忘？", forget2More: (user) => `无法找回。请输入 OpenID（${user}）的最后四个字符。`, forget2Field: "最后四个字符", forget2Yes: "遗忘", mistyped: "这不是该 OpenID 的结尾。没有删除任何东西。",
    forgotten: (n) => `已遗忘：删除了 ${number(n)} 项。`, pausedSince: (time, reason) => `自 ${time} 暂停：${reason || "没有写原因"}`, paused: "这位用户已暂停。",
  },
}[language];

export const accountTexts = {
  en: {
    lead: "A pause stops the handling; pushes are still taken in, and wait.", pauseAll: "Pause everything", resumeAll: "Resume everything", pauseUser: "Pause a user …", pause: "Pause", resume: "Resume",
    asksPause: (what) => `Pause ${what}?`, asksPauseMore: "Messages are taken in and wait. The reason is shown to everybody who looks.", everything: "everything", reason: "Reason", user: "OpenID",
    paused: (what) => `${what} is paused.`, resumed: (what) => `${what} is resumed.`, notPaused: (what) => `${what} was not paused.`, isPaused: "Paused", all: "Everything is paused", works: "Works", cant: "Can't send", partly: "In part",
    since: (time, reason) => `since ${time}: ${reason || "no reason was given"}`, appId: "AppID", answers: "Answers by", open: "Open", oldest: "Oldest", oldestMs: (ms) => duration(ms), journal: "Messages", dead: "Dead letters",
    users: "Paused users", noUsers: "No user is paused.", none: "No account is configured here.",
    by: { api: "the customer-service API", either: "a push's response or the API", push: "a push's response" },
  },
  zh: {
    lead: "暂停只停处理；推送照收，消息等着。", pauseAll: "全部暂停", resumeAll: "全部恢复", pauseUser: "暂停一位用户……", pause: "暂停", resume: "恢复",
    asksPause: (what) => `暂停${what}？`, asksPauseMore: "消息照收，等着处理。原因会显示给每个查看的人。", everything: "全部", reason: "原因", user: "OpenID",
    paused: (what) => `${what} 已暂停。`, resumed: (what) => `${what} 已恢复。`, notPaused: (what) => `${what} 没有被暂停。`, isPaused: "已暂停", all: "已全部暂停", works: "正常", cant: "不能发送", partly: "部分受限",
    since: (time, reason) => `自 ${time}：${reason || "没有写原因"}`, appId: "AppID", answers: "回复方式", open: "未完成", oldest: "最久", oldestMs: (ms) => duration(ms), journal: "消息", dead: "死信",
    users: "被暂停的用户", noUsers: "没有被暂停的用户。", none: "这里没有配置账号。",
    by: { api: "客服接口", either: "推送的应答或客服接口", push: "推送的应答" },
  },
}[language];

export const processTexts = {
  en: {
    lead: "Every process of this queue says every few seconds that it is there, and what it does.", none: "No process has been heard of.", role: "Role", host: "Machine", version: "Version", started: "Started", seen: "Seen", admin: "Admin listener",
    runs: (n, permits) => (permits === null ? "handles nothing" : `handles ${number(n)} of at most ${number(permits)}`), oldest: (shown, all) => (shown < all ? `The longest ${number(shown)} of ${number(all)}` : "What it handles, the longest first"),
    message: "Message", account: "Account", user: "User", route: "Route", step: "Step", since: "For", problem: "Can't work", warning: "Warning", silent: "Not heard of", works: "Works",
    roles: { receiver: "receiver", worker: "worker", run: "receiver and worker", dev: "dev", sandbox: "sandbox" },
  },
  zh: {
    lead: "使用这个队列的每个进程每隔几秒报告自己在做什么。", none: "没有任何进程的消息。", role: "角色", host: "机器", version: "版本", started: "启动", seen: "最近", admin: "管理端口",
    runs: (n, permits) => (permits === null ? "不处理消息" : `正在处理 ${number(n)} 条，最多 ${number(permits)} 条`), oldest: (shown, all) => (shown < all ? `${number(all)} 条里最久的 ${number(shown)} 条` : "正在处理的消息，最久的在前"),
    message: "消息", account: "账号", user: "用户", route: "路由", step: "步骤", since: "已用", problem: "无法工作", warning: "警告", silent: "失联", works: "正常",
    roles: { receiver: "接收", worker: "处理", run: "接收和处理", dev: "dev", sandbox: "模拟微信" },
  },
}[language];

export const spoolTexts = {
  en: {
    lead: "While the queue is away, a receiver acks pushes onto its own disk, and carries them to the queue when that is back. This is what lies there.", none: "No receiver with a spool is running.",
    state: { idle: "idle", spooling: "takes pushes", draining: "is being drained" }, folder: "Folder", entries: "Messages", size: "Size", quarantined: "Refused by the queue", oldest: "Oldest", problem: "Trouble", oldestMs: duration, sizeOf: bytes,
    quarantinedDo: "The receiver's log has the reason; they are tried again from time to time.",
  },
  zh: {
    lead: "队列中断时，receiver 先把推送存在自己的磁盘上并应答，等队列恢复再搬过去。这里是还在磁盘上的。", none: "没有带暂存的 receiver 在运行。",
    state: { idle: "空闲", spooling: "正在接收推送", draining: "正在搬运" }, folder: "目录", entries: "消息", size: "大小", quarantined: "队列拒收", oldest: "最久", problem: "问题", oldestMs: duration, sizeOf: bytes,
    quarantinedDo: "原因在 receiver 的日志里；会不时再试。",
  },
}[language];

export const restTexts = {
  en: {
    configLead: "What this process runs with: the file, the environment and the flags together. Secrets are masked.", file: (name) => `from ${name}`, noFile: "without a file",
    changesLead: "Who changed what, and who read a text: the last hundred of thirty days.", noChanges: "Nobody has changed anything yet.", when: "When", who: "Who", what: "What", account: "Account", user: "User", count: "How many",
    deeds: { retry: "retried", drop: "dropped", pause: "paused", resume: "resumed", forget: "forgot", read: "read a text", login: "logged in" }, everything: "everything",
  },
  zh: {
    configLead: "这个进程实际使用的配置：文件、环境变量和参数合在一起。密钥已遮盖。", file: (name) => `来自 ${name}`, noFile: "没有配置文件",
    changesLead: "谁改了什么、谁看了原文：三十天内最近一百条。", noChanges: "还没有人改动过。", when: "时间", who: "谁", what: "做了什么", account: "账号", user: "用户", count: "数量",
    deeds: { retry: "重试", drop: "丢弃", pause: "暂停", resume: "恢复", forget: "遗忘", read: "查看原文", login: "登录" }, everything: "全部",
  },
}[language];
