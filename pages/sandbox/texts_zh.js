// The page in Chinese.

/** Between a Latin unit and a Chinese word stands a space. */
const spaced = (text) => (/[a-z]$/i.test(text) ? `${text} ` : text);

export const zh = {
  title: "回信 · 模拟微信", brand: "回信", brandMore: "模拟微信", skip: "写一条消息", close: "关闭", cancel: "取消", ok: "确定", add: "添加",
  conversations: "会话", inspector: "检查", inspect: "检查", messages: "消息", online: "已连接", offline: "连接中…",
  addUser: "添加用户", userName: "名字", userId: "OpenID（不填则随机生成）", noMessages: "还没有消息", you: "你",
  empty: "发一条消息试试：公众号的服务器收到后先应答，处理完再回复。",
  placeholder: "输入消息，回车发送", send: "发送", toEnd: "新消息 ↓", toMenu: "切换到菜单", toKeyboard: "切换到键盘", more: "更多", menu: "菜单",
  noMenu: "这个公众号没有菜单", menuPart: (n) => `菜单 ${n}`, examples: "示例", typing: "对方正在输入…",
  sending: "推送中…", openTry: (n, s) => `第 ${n} 次推送，已等 ${s} 秒`, retrying: (n, why) => `第 ${n} 次推送失败（${why}），重试中…`,
  acked: (text, tries) => `${spaced(text)}应答${tries > 1 ? `，共推送 ${tries} 次` : ""}`,
  failed: (tries, why) => `推送失败，共 ${tries} 次${why ? `：${why}` : ""}`, silent: (why) => `后台事件推送失败${why ? `（${why}）` : ""}，用户看不到`,
  after: (text) => `${spaced(text)}后回复`, answers: (text) => `回复“${text}”`, unasked: "主动下发", byApi: "客服接口",
  byTry: (n) => `第 ${n} 次推送的被动回复`, sendTry: (n) => `第 ${n} 次发送才成功`, byAi: "内容由第三方AI生成",
  notSent: (code) => `回复被拒：${code}`,
  refused: (what) => `公众号的回复被微信拒绝：${what}`, callRefused: (on, what) => `${on}被微信拒绝：${what}`,
  injected: (what, on) => `故障生效（${on}）：${what}`, replayed: "重放：同一条推送又来了一次，应当被认作重复",
  workerKilled: "worker 被强行结束，消息会在租约到期后被接手",
  unmatched: (what) => `没有路由匹配这条消息（${what}），所以没有回复：请在配置里加一条匹配它的 [[route]]`,
  alarmed: (n) => `微信告警：${n} 次推送未得到应答`, withheld: "微信暂停了推送，这条消息不再推送",
  stopped: (n, s) => `${n} 次推送未得到应答，微信在 ${s} 秒内不再推送`, failedToSend: (why) => `没有成功：${why}`,
  badReply: "应答的内容不合法", showMessage: "在检查栏里看这条消息",
  why: { timeout: "超时", unreachable: "连不上", bad_reply: "应答不合法", status: "状态码", acked: "已应答", passive_reply: "被动回复" },
  kinds: {
    text: "文本", subscribe: "关注了公众号", unsubscribe: "取消了关注", CLICK: "点击菜单", VIEW: "打开网页", SCAN: "扫描二维码", LOCATION: "上报位置",
    image: "图片", voice: "语音", video: "视频", shortvideo: "小视频", location: "位置", link: "链接", music: "音乐", news: "图文",
    transfer_customer_service: "转接人工客服", mpnews: "图文", mpnewsarticle: "图文", wxcard: "卡券", miniprogrampage: "小程序", msgmenu: "菜单消息",
  },
  endpoints: { send: "发送", typing: "输入状态", upload: "上传素材", media_get: "获取素材", stable_token: "获取令牌", token: "获取令牌", push: "推送" },
  codes: {
    "-1": "系统繁忙", 40001: "access_token 无效", 40003: "OpenID 无效", 40007: "media_id 无效", 40164: "IP 不在白名单", 42001: "access_token 已过期",
    45002: "内容太长", 45009: "调用次数已达上限", 45011: "调用太频繁", 45015: "用户超过 48 小时没有互动", 45047: "可发条数已用完",
    45080: "近 30 秒没有互动", 45081: "已经在输入状态", 48001: "没有接口权限", 61452: "客服帐号无效",
  },
  // Media
  picture: "图片", samplePicture: "示例图片", play: "播放", seconds: (n) => `${n} 秒`, noSound: "浏览器不能播放这种格式", open: "打开原图", person: "客服",
  // The + panel
  plus: {
    image: "图片", voice: "语音", video: "视频", place: "位置", scan: "扫一扫", link: "链接", follow: "关注", unfollow: "取消关注",
    latitude: "纬度", longitude: "经度", label: "地址", scene: "二维码的场景值", url: "地址", linkTitle: "标题", description: "描述",
    badNumber: "经纬度要是数字", badFile: { image: "图片要是 PNG、JPEG 或 GIF，不超过 10 MiB", voice: "语音要是 AMR 或 MP3，不超过 60 秒和 2 MiB", video: "视频要是 MP4，不超过 10 MiB" },
    needsUpload: "这个沙盒还不能上传，改发一条示例",
  },
  places: { guangzhou: "广州塔", beijing: "天安门", shanghai: "外滩" },
  linkSample: "微信公众号开发文档",
  // Rights
  right: {
    left: (n, of) => `还可发 ${n}/${of} 条`, until: (text) => `${text}内有效`, over: "已超时，不能再发", none: "用户发言、点击或关注之后才能发",
    noRight: "没有客服接口权限：只能被动回复", by: { message: "来自消息", click: "来自菜单点击", scan: "来自扫码", follow: "来自关注" },
    open: (n) => `处理中 ${n}`, dead: (n) => `死信 ${n}`, ahead: (text) => `时钟快 ${text}`, faults: (n) => `${n} 个故障待生效`,
    unanswered: (n) => `${n} 次推送未应答`, stopped: (text) => `微信暂停推送，还有 ${text}`,
    paused: (what, reason) => `暂停下发${what ? `（${what}）` : ""}：${reason}`, until_: (text) => `，还有 ${text}`,
  },
  // The inspector
  tabs: { message: "消息", trouble: "故障", push: "推送 XML", request: "请求 JSON", answer: "服务的回答", calls: "接口调用" },
  noneChosen: "还没有消息。发一条，这里就会显示它的全过程。", tooOld: "这条消息太旧，只剩聊天记录里的内容。",
  outside: "只看得到微信这一侧。用 huixin dev 启动，就能看到 worker 里的排队、处理和记录。",
  stages: { pushed: "推送", stored: "入队", waiting: "排队", handling: "处理", recorded: "记录", sent: "发送", behind: "等待回复" },
  givesUp: "5 秒：微信到此为止", attempt: (n) => `第 ${n} 次`, times: (n) => `${n} 次`, running: "进行中", brokenOff: "中断", nothing: "无",
  ackedIn: (text) => `${spaced(text)}应答`, answeredIn: (text) => `${spaced(text)}后答复`, beyond: (text) => `比微信的 5 秒晚 ${text}`, within: "在 5 秒之内",
  workersReason: "worker 给出的原因", ended: { answered: "已答复", no_reply: "没有回复", dead: "死信", retried: "稍后重试", snoozed: "推迟处理", awaiting: "等待服务回调", held: "暂缓", offered: "待随推送应答", handed_back: "交还队列", unmatched: "没有路由匹配", dropped: "已丢弃", duplicate: "重复，已忽略", failed: "失败" }, waitingFor: "还在处理",
  copy: "复制", copied: "已复制", notCopied: (why) => `复制不了：${why}`, replay: "重放", asCurl: "复制为 curl", sealed: "加密后", plain: "明文",
  tryLine: (n) => `第 ${n} 次`, openLine: "等待应答", noExchanges: "没有向服务发出请求：由内置的回复或示例处理，或还没轮到它。",
  unknownExchanges: "worker 一侧的请求用 huixin dev 才看得到。", noCalls: "还没有接口调用。", noPush: "沙盒没有保留这条推送的原文。",
  response: "响应", call: "调用", noBody: "（空）", noAnswer: "没有回答", followNewest: "回到最新一条", chosenHint: "点聊天里的一条消息，这里就看它的全过程",
  // Trouble
  trouble: {
    lead: "让微信出错，看公众号怎么应对。按一次注入，再按一次撤销。", times: "作用于", next: (n) => `接下来 ${n} 次`, always: "每一次，直到撤销",
    sends: "客服接口", pushes: "推送", time: "时间与令牌", process: "进程", undoAll: "全部撤销", left: (n) => `还剩 ${n} 次`, each: "每次",
    standing: "其它生效中的故障", undo: "撤销", ordered: (what, how) => `已注入：${what}${how ? `（${how}）` : ""}`, undone: (what) => `已撤销：${what}`,
    slow: "慢 3 秒", cut: "断开连接", cutAfter: "收下后断开", html: "返回网页", lostAck: "应答丢失", hangUp: "提前挂断", noRight: "没有客服接口权限", dead: "令牌失效", expired: "令牌过期",
    hours: "时钟 +48 小时", minute: "时钟 +1 分钟", kill: "结束 worker", backOnly: "时钟不能倒回，重启沙盒才会复原", once: "立即生效一次",
    killText: "它正在处理的消息会在租约到期后被接手。", given: "现在没有", done: "已恢复客服接口权限",
  },
  faults: {
    code: ({ code }) => zh.codes[code] ? `${code} ${zh.codes[code]}` : `返回 ${code}`, delay: ({ ms }) => `慢 ${(ms ?? 0) / 1000} 秒`, hang: "一直不回答", cut: "断开连接",
    cut_after_accept: "收下后断开连接", status: ({ status }) => `HTTP 状态 ${status ?? ""}`, html: "返回网页", lost_ack: "应答丢失", hang_up: "提前挂断",
  },
};
