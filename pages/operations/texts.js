// The texts that every view needs. Each view has its own beside it, in a file of its name.

import { language } from "../shared/language.js";

export const TEXTS = {
  en: {
    skip: "Skip to the content", home: "Overview", brand: "Operations", menu: "Menu", navigation: "Views", reader: "Read only", logout: "Log out",
    again: "Refresh", pauseRefresh: "Pause refresh", resumeRefresh: "Resume refresh",
    overview: "Overview", journal: "Journal", dead: "Dead letters", processes: "Processes", accounts: "Accounts", spool: "Spool",
    configuration: "Configuration", changes: "Changes",
    asOf: (time) => `as of ${time}`,
    notSince: (time, why) => `What you see is of ${time}. Asking again fails: ${why}`,
    notYet: (why) => `There is no answer yet: ${why}`,
    tries: "It is tried again every five seconds.",
    unreachable: (why) => `the process can't be reached (${why})`,
    onlyReads: "Your token may only read. A change needs the other token: log out, and log in with it.",
    cancel: "Cancel", account: "Account", user: "User", everybody: "all accounts", reason: "Reason", when: "When", id: "Id", text: "Text",
    copy: "Copy", copied: "Copied.", none: "none", loading: "Loading …", noUser: "no user", more: "More", close: "Close",
    nothingHere: "There is nothing at this address.", toOverview: "To the overview",
    ago: (age) => [age, " ago"],
    kinds: {
      answered: "answered", answered_in_response: "answered at once", no_reply: "no reply", unmatched: "no route", dead: "dead",
    },
    kindSaid: {
      answered: "WeChat took all parts of its answer.",
      answered_in_response: "The last part of its answer went out in the response of a push.",
      no_reply: "Its service had nothing to say.",
      unmatched: "No route takes it.",
      dead: "It was given up.",
    },
    states: {
      ready: "the next free worker takes the first message", leased: "a worker has the first message",
      delayed: "the first message waits for its next attempt", awaiting: "the service has the first message, and answers it by call back",
      parked: "the first message waits until the pause ends", idle: "only held messages wait",
    },
    newerState: "a state of a newer version of Huixin",
    interfaces: { send: "can't send", upload: "can't upload media", token: "can't get an access token", typing: "can't show that it types" },
  },
  zh: {
    skip: "跳到内容", home: "总览", brand: "运行", menu: "菜单", navigation: "页面", reader: "只读", logout: "退出登录",
    again: "刷新", pauseRefresh: "暂停刷新", resumeRefresh: "继续刷新",
    overview: "总览", journal: "处理记录", dead: "死信", processes: "进程", accounts: "账号", spool: "暂存", configuration: "配置", changes: "操作记录",
    asOf: (time) => `截至 ${time}`,
    notSince: (time, why) => `您看到的是 ${time} 的情况，再次查询失败：${why}`,
    notYet: (why) => `还没有得到应答：${why}`,
    tries: "每五秒自动重试。",
    unreachable: (why) => `连不上进程（${why}）`,
    onlyReads: "您的令牌只能查看。要改动请退出，用另一个令牌登录。",
    cancel: "取消", account: "账号", user: "用户", everybody: "全部账号", reason: "原因", when: "时间", id: "编号", text: "原文",
    copy: "复制", copied: "已复制。", none: "无", loading: "正在加载……", noUser: "没有用户", more: "更多", close: "关闭",
    nothingHere: "这个地址没有内容。", toOverview: "回到总览",
    ago: (age) => [age, "前"],
    kinds: { answered: "已回复", answered_in_response: "当场回复", no_reply: "无需回复", unmatched: "没有路由", dead: "死信" },
    kindSaid: {
      answered: "微信收下了回复的每一条。",
      answered_in_response: "最后一条在推送的应答里发出。",
      no_reply: "服务没有要说的。",
      unmatched: "没有路由接它。",
      dead: "已放弃处理。",
    },
    states: {
      ready: "下一个空闲的 worker 会取第一条", leased: "第一条正由一个 worker 处理", delayed: "第一条在等下一次尝试",
      awaiting: "第一条在服务那里，等它回调", parked: "第一条在等暂停结束", idle: "只有保留的消息在等",
    },
    newerState: "更新版本的回信才有的状态",
    interfaces: { send: "不能发送", upload: "不能上传素材", token: "拿不到 access token", typing: "不能显示正在输入" },
  },
};

export const t = TEXTS[language];
