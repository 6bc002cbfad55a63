// The chat page. It knows only the control API: it posts what the user does, and draws the transcript as it comes.
// Everything that came from outside is written as text, never as markup.

const STRINGS = {
  zh: {
    title: "回信 · 模拟微信", account: "公众号", user: "用户", addUser: "添加", cancel: "取消", newUserName: "名字",
    empty: "发一条消息试试：公众号的服务器收到后先应答，处理完再回复。",
    placeholder: "输入消息，回车发送", send: "发送", online: "已连接", offline: "连接中…",
    follow: "关注", unfollow: "取消关注", picture: "图片", location: "位置",
    sending: "发送中…", retrying: (n, why) => `第 ${n} 次失败（${why}），重试中…`,
    acked: (ms, tries) => `${ms} ms 后应答` + (tries > 1 ? `，共 ${tries} 次` : ""),
    failed: (tries) => `推送失败，共 ${tries} 次`, silent: "后台事件推送失败，用户看不到",
    fault: "该公众号提供的服务出现故障，请稍后再试", after: (s) => `${s} 秒后回复`,
    attempt: (n) => `，第 ${n} 次发送`, byApi: "，客服接口", byTry: (n) => `，第 ${n} 次推送的被动回复`, byAi: "内容由第三方AI生成",
    refused: (code, why) => `公众号的回复被拒绝：${code} ${why}`, injected: (what) => `注入的故障：${what}`,
    why: { timeout: "超时", unreachable: "连不上", bad_reply: "应答不合法", status: "状态码" },
    kinds: {
      subscribe: "关注了公众号", unsubscribe: "取消了关注", CLICK: "点击菜单", VIEW: "打开网页", SCAN: "扫描二维码",
      LOCATION: "上报位置", image: "图片", voice: "语音", video: "视频", shortvideo: "小视频", location: "位置", link: "链接",
      music: "音乐", transfer_customer_service: "转接人工客服", mpnews: "图文", mpnewsarticle: "图文", wxcard: "卡券", miniprogrampage: "小程序",
    },
    unmatched: (what) => `没有路由匹配这条消息（${what}），所以没有回复：请在配置里加一条匹配它的 [[route]]`,
    alarmed: (n) => `微信告警：${n} 次推送未得到应答`, withheld: "微信暂停推送，这条消息不再推送",
    stopped: (n, s) => `${n} 次推送未得到应答，微信在 ${s} 秒内不再推送`,
    failedToSend: (why) => `没有发出去：${why}`,
  },
  en: {
    title: "Huixin · pretend WeChat", account: "Account", user: "User", addUser: "Add", cancel: "Cancel", newUserName: "Name",
    empty: "Write a message: the account's server acknowledges it first, and answers when it has the answer.",
    placeholder: "Write a message, Enter sends", send: "Send", online: "connected", offline: "connecting…",
    follow: "Follow", unfollow: "Unfollow", picture: "Picture", location: "Location",
    sending: "sending…", retrying: (n, why) => `try ${n} failed (${why}), trying again…`,
    acked: (ms, tries) => `acknowledged in ${ms} ms` + (tries > 1 ? `, ${tries} tries` : ""),
    failed: (tries) => `fault notice after ${tries} ${tries === 1 ? "try" : "tries"}`,
    silent: "a background event failed, which the user doesn't see",
    fault: "该公众号提供的服务出现故障，请稍后再试 (the account's service is out of order, please try again later)",
    after: (s) => `answered after ${s} s`, attempt: (n) => `, try ${n}`, byApi: ", by the API",
    byTry: (n) => `, in the response to try ${n}`, byAi: "内容由第三方AI生成 (written by an AI)",
    refused: (code, why) => `the account's answer was refused: ${code} ${why}`, injected: (what) => `injected fault: ${what}`,
    why: { timeout: "timeout", unreachable: "unreachable", bad_reply: "not a valid answer", status: "status" },
    kinds: {
      subscribe: "followed the account", unsubscribe: "left the account", CLICK: "tapped the menu", VIEW: "opened a page",
      SCAN: "scanned a QR code", LOCATION: "reported a position", image: "Picture", voice: "Voice", video: "Video",
      shortvideo: "Short video", location: "Location", link: "Link", music: "Music", mpnews: "Article",
      mpnewsarticle: "Article", transfer_customer_service: "Handed to a person", wxcard: "Card", miniprogrampage: "Mini program",
    },
    unmatched: (what) => `no route takes this message (${what}), so it has no answer: add a [[route]] that takes it to the configuration`,
    alarmed: (n) => `WeChat's alarm: ${n} tries to push were not answered`, withheld: "WeChat has stopped pushing: this is not pushed any more",
    stopped: (n, s) => `${n} tries to push were not answered: WeChat pushes nothing for ${s} s`,
    failedToSend: (why) => `not sent: ${why}`,
  },
};

const HISTORY = 2000; // entries asked for at the start
const KEPT = 1000; // entries kept per conversation
const TYPING_MS = 15000; // the indicator goes off by itself

const language = (new URLSearchParams(location.search).get("lang") ?? navigator.language ?? "zh").toLowerCase();
const t = STRINGS[language.startsWith("zh") ? "zh" : "en"];
const $ = (id) => document.getElementById(id);

const conversations = new Map(); // "account user" → entries
const turns = new Map(); // msg_id → what is drawn of it
let newest = 0; // the last entry's seq
let liveAfter = 0; // entries up to this seq are history, and not announced
let lastSaidMs = null; // when the drawn user last did something
let typingTimer = null;

// ---- drawing -------------------------------------------------------------------------------------------------------

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function seconds(ms) {
  return (ms / 1000).toFixed(ms < 100 ? 3 : 1);
}

/** WeChat's `<a href="…">…</a>` becomes a link, one to `bizmsgmenu` what the user says by it; everything else stays text. */
function richText(parent, text) {
  const link = /<a\s+href="(https?:\/\/[^"]*|weixin:\/\/bizmsgmenu\?[^"]*)"[^>]*>([^<]*)<\/a>/g;
  let place = 0;
  for (const found of text.matchAll(link)) {
    parent.append(text.slice(place, found.index));
    const anchor = element("a", "", found[2]);
    if (found[1].startsWith("weixin:")) {
      tappable(anchor, found[1], found[2]);
    } else {
      anchor.href = found[1];
      anchor.target = "_blank";
      anchor.rel = "noopener noreferrer";
    }
    parent.append(anchor);
    place = found.index + found[0].length;
  }
  parent.append(text.slice(place));
}

/** A tap is a text of the user with the link's content, and carries its id. */
function tappable(anchor, address, label) {
  const query = address.slice(address.indexOf("?") + 1).replaceAll("&amp;", "&").replaceAll("+", "%2B");
  const asked = new URLSearchParams(query);
  const said = { kind: "text", content: asked.get("msgmenucontent") ?? label, menu_id: asked.get("msgmenuid") };
  anchor.href = "#";
  anchor.className = "tap";
  anchor.dataset.menuId = said.menu_id ?? "";
  anchor.addEventListener("click", (event) => {
    event.preventDefault();
    post("/sandbox/push", said);
  });
}

function turnOf(side, bubble) {
  const turn = element("li", `turn ${side}`);
  turn.append(bubble);
  return turn;
}

/** Adds a whole item: a part added later would be below the end that the chat is scrolled to here. */
function append(item) {
  const scroll = $("scroll");
  const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
  const typing = document.querySelector(".typing");
  if (typing) $("chat").insertBefore(item, typing);
  else $("chat").append(item);
  document.querySelector(".empty").hidden = true;
  if (atEnd || item.classList.contains("right")) scroll.scrollTop = scroll.scrollHeight;
}

function setTyping(on) {
  clearTimeout(typingTimer);
  document.querySelector(".typing")?.remove();
  if (!on) return;
  const bubble = element("div", "bubble theirs");
  bubble.append(element("i"), element("i"), element("i"));
  const turn = element("li", "turn left typing");
  turn.append(bubble);
  append(turn);
  typingTimer = setTimeout(() => setTyping(false), TYPING_MS);
}

const draw = {
  said(entry) {
    lastSaidMs = entry.at_ms;
    const bubble = element("div", "bubble mine");
    bubble.dataset.msgId = entry.msg_id;
    const label = t.kinds[entry.kind];
    if (label) bubble.append(element("span", "label", label));
    else if (entry.kind !== "text") bubble.append(element("span", "label", entry.kind));
    bubble.append(entry.content);
    const ack = element("div", "note ack", t.sending);
    const turn = turnOf("right", bubble);
    turn.append(ack);
    append(turn);
    turns.set(entry.msg_id, { ack, tries: 0 });
  },
  tried(entry) {
    const { result, detail } = entry.outcome;
    const turn = turns.get(entry.msg_id);
    if (turn) {
      turn.tries = Math.max(turn.tries + 1, entry.n);
      const why = (t.why[result] ?? result) + (result === "status" ? ` ${detail}` : "");
      if (result === "bad_reply") append(element("li", "system bad wrong", `${why}: ${detail}`));
      if (result !== "acked" && result !== "passive_reply") turn.ack.textContent = t.retrying(turn.tries, why);
    }
  },
  acked(entry) {
    const ms = entry.ms < 10 ? entry.ms.toFixed(1) : Math.round(entry.ms);
    settle(entry, t.acked(ms, entry.tries), "good", { ackMs: entry.ms.toFixed(3), tries: entry.tries });
  },
  fault_notice(entry) {
    const tries = turns.get(entry.msg_id)?.tries ?? 0;
    settle(entry, t.failed(tries), "bad", { tries });
    append(element("li", "fault", t.fault));
  },
  given_up(entry) {
    settle(entry, t.silent, "bad", { tries: turns.get(entry.msg_id)?.tries ?? 0 });
  },
  unmatched(entry) {
    const what = entry.content ? `${entry.kind}: ${entry.content}` : entry.kind;
    append(element("li", "system unmatched", t.unmatched(what)));
  },
  sent(entry, live) {
    setTyping(false);
    answer(entry.message, entry, live);
  },
  replied(entry, live) {
    setTyping(false);
    answer(entry.message, entry, live);
  },
  alarmed(entry) {
    append(element("li", "system bad alarmed", t.alarmed(entry.unanswered)));
  },
  stopped(entry) {
    append(element("li", "system bad stopped", t.stopped(entry.unanswered, entry.for_s)));
  },
  withheld(entry) {
    append(element("li", "system bad withheld", t.withheld));
  },
  refused(entry) {
    append(element("li", "system bad refused", t.refused(entry.code, entry.reason)));
  },
  faulted(entry) {
    append(element("li", "system", t.injected(entry.fault)));
  },
  typing(entry) {
    setTyping(entry.on && Date.now() - entry.at_ms < TYPING_MS);
  },
};

function settle(entry, text, className, data) {
  const turn = turns.get(entry.msg_id);
  if (!turn) return;
  turn.ack.textContent = text;
  turn.ack.classList.add(className);
  Object.assign(turn.ack.dataset, data);
}

function answer(message, entry, live) {
  const bubble = element("div", "bubble theirs");
  const kind = message.msgtype;
  bubble.dataset.type = kind;
  const content = message[kind] ?? {};
  if (kind === "text") richText(bubble, String(content.content ?? ""));
  else bubble.append(card(kind, content, entry.account));
  const turn = turnOf("left", bubble);
  const agent = message.customservice?.kf_account;
  if (agent) turn.prepend(element("div", "note agent", String(agent)));
  if (message.aimsgcontext?.is_ai_msg === 1) turn.append(element("div", "note ai", t.byAi));
  if (lastSaidMs !== null) {
    const after = Math.max(0, entry.at_ms - lastSaidMs);
    const passive = entry.what === "replied";
    const again = entry.attempt > 1 ? t.attempt(entry.attempt) : "";
    const how = passive ? t.byTry(entry.n) : t.byApi;
    const note = element("div", "note after", t.after(seconds(after)) + how + again);
    note.dataset.how = passive ? "passive" : "api";
    if (passive) note.dataset.n = entry.n;
    note.dataset.afterMs = after;
    if (entry.attempt) Object.assign(note.dataset, { nth: entry.nth, attempt: entry.attempt });
    turn.append(note);
  }
  append(turn);
  if (live) $("live").textContent = bubble.textContent;
}

/** Whatever isn't text, as a card. Pictures come from the sandbox's own store: the page loads nothing from elsewhere. */
function card(kind, content, account) {
  const made = element("div", `card ${kind}`);
  const draw = cards[kind];
  if (draw) draw(made, content, account);
  else titled(made, kind, content);
  const id = content.article_id ?? content.card_id ?? (draw ? null : content.media_id);
  if (id) made.append(element("small", "", String(id)));
  return made;
}

const cards = {
  image(made, content, account) {
    made.append(picture(account, content.media_id), element("small", "", String(content.media_id)));
  },
  voice(made, content) {
    made.append(element("span", "line", `🔊 ${t.kinds.voice}`), element("small", "", String(content.media_id)));
  },
  video(made, content, account) {
    made.append(picture(account, content.thumb_media_id));
    made.append(element("span", "line", `▶ ${content.title ?? t.kinds.video}`));
    if (content.description) made.append(element("span", "", String(content.description)));
    made.append(element("small", "", String(content.media_id)));
  },
  music(made, content, account) {
    made.append(picture(account, content.thumb_media_id));
    titled(made, "music", { ...content, title: `♫ ${content.title ?? t.kinds.music}`, url: content.musicurl });
  },
  news(made, content) {
    made.append(element("div", "picture"));
    for (const article of content.articles ?? [{}]) titled(made, "news", article);
  },
  miniprogrampage(made, content, account) {
    titled(made, "miniprogrampage", content);
    made.append(picture(account, content.thumb_media_id));
    made.append(element("small", "", `${t.kinds.miniprogrampage} · ${content.appid} ${content.pagepath}`));
  },
  transfer_customer_service(made, content) {
    titled(made, "transfer_customer_service", { description: content.kf_account });
  },
  msgmenu(made, content) {
    if (content.head_content) made.append(element("span", "", String(content.head_content)));
    const list = element("div", "items");
    for (const item of content.list ?? []) {
      const tap = element("button", "item", String(item.content ?? ""));
      tap.type = "button";
      tap.dataset.menuId = item.id;
      // A tap is a text of the user that carries the item's id.
      tap.addEventListener("click", () =>
        post("/sandbox/push", { kind: "text", content: String(item.content), menu_id: String(item.id) }));
      list.append(tap);
    }
    made.append(list);
    if (content.tail_content) made.append(element("span", "", String(content.tail_content)));
  },
};

function titled(made, kind, inside) {
  made.append(element("strong", "", String(inside.title ?? t.kinds[kind] ?? kind)));
  if (inside.description) made.append(element("span", "", String(inside.description)));
  const address = inside.url;
  if (!address) return;
  const small = element("small");
  richText(small, /^https?:\/\/[^"]*$/.test(address) ? `<a href="${address}">${address.replaceAll("<", "%3C")}</a>` : address);
  made.append(small);
}

/** A medium of the account as it was uploaded; a drawn picture in its place when it can't be shown. */
function picture(account, id) {
  if (!id) return element("div", "picture");
  const image = element("img", "uploaded");
  image.alt = t.kinds.image;
  image.src = `/sandbox/media/${encodeURIComponent(account)}/${encodeURIComponent(String(id))}`;
  image.addEventListener("load", () => {
    // The picture makes the chat longer: a reader at the end stays at the end.
    const scroll = $("scroll");
    const below = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
    if (below < image.height + 80) scroll.scrollTop = scroll.scrollHeight;
  });
  image.addEventListener("error", () => image.replaceWith(element("div", "picture")), { once: true });
  return image;
}

function redraw() {
  setTyping(false);
  $("chat").replaceChildren();
  turns.clear();
  lastSaidMs = null;
  document.querySelector(".empty").hidden = false;
  for (const entry of conversations.get(place()) ?? []) draw[entry.what]?.(entry, false);
  $("scroll").scrollTop = $("scroll").scrollHeight;
}

// ---- the transcript ------------------------------------------------------------------------------------------------

function place() {
  return `${$("account").value} ${$("user").value}`;
}

function receive(entry) {
  if (entry.seq <= newest) { // the sandbox was started anew
    conversations.clear();
    liveAfter = 0;
    redraw();
  }
  newest = entry.seq;
  if (!entry.user) return;
  const key = `${entry.account} ${entry.user}`;
  const entries = conversations.get(key) ?? [];
  entries.push(entry);
  if (entries.length > KEPT) entries.shift();
  conversations.set(key, entries);
  // A refused message may name anyone; you can play only known users.
  if (!["refused", "call_refused", "faulted"].includes(entry.what)) addUserOption(entry.user, entry.user);
  if (key === place()) draw[entry.what]?.(entry, entry.seq > liveAfter);
}

function listen() {
  const source = new EventSource(`/sandbox/events?after=${newest}`);
  source.onopen = () => setOnline(true);
  source.onmessage = (event) => receive(JSON.parse(event.data));
  source.onerror = () => {
    setOnline(false);
    // The browser reconnects by itself unless it has given up.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
}

function setOnline(online) {
  $("status").dataset.online = online;
  $("status").textContent = online ? t.online : t.offline;
}

// ---- the user ------------------------------------------------------------------------------------------------------

async function post(path, what) {
  const body = JSON.stringify({ account: $("account").value, user: $("user").value, ...what });
  try {
    const response = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body });
    if (!response.ok) throw new Error((await response.json().catch(() => ({}))).error ?? response.status);
    $("error").hidden = true;
    return true;
  } catch (error) {
    $("error").textContent = t.failedToSend(error.message);
    $("error").hidden = false;
    return false;
  }
}

async function sendText() {
  const text = $("text").value;
  if (text.trim() === "") return;
  $("text").value = "";
  if (!(await post("/sandbox/say", { text })) && $("text").value === "") $("text").value = text;
}

function addUserOption(openid, name) {
  for (const option of $("user").options) if (option.value === openid) return;
  $("user").append(new Option(name, openid));
}

function ownUsers() {
  try {
    return JSON.parse(localStorage.getItem("users") ?? "[]");
  } catch {
    return [];
  }
}

function addOwnUser(name) {
  const random = Array.from(crypto.getRandomValues(new Uint8Array(21)), (byte) => (byte % 36).toString(36)).join("");
  const user = { name, openid: `oHuixin${random}` };
  try {
    localStorage.setItem("users", JSON.stringify([...ownUsers(), user].slice(-50)));
  } catch { /* private window: the user lives as long as the page */ }
  addUserOption(user.openid, user.name);
  $("user").value = user.openid;
  redraw();
}

function button(row, text, className, act) {
  const made = element("button", className, text);
  made.type = "button";
  made.addEventListener("click", act);
  $(row).append(made);
  return made;
}

function wire(info) {
  for (const account of info.accounts) $("account").append(new Option(account.name, account.name));
  document.querySelector(".account").hidden = info.accounts.length < 2;
  for (const user of [...info.users, ...ownUsers()]) addUserOption(user.openid, user.name);
  $("account").addEventListener("change", redraw);
  $("user").addEventListener("change", redraw);
  $("add-user").addEventListener("click", () => $("new-user").showModal());
  $("new-cancel").addEventListener("click", () => $("new-user").close());
  $("new-user").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = $("new-name").value.trim();
    if (name) addOwnUser(name);
    $("new-name").value = "";
    $("new-user").close();
  });
  for (const example of info.examples) {
    button("chips", example, "chip", () => {
      $("text").value = example;
      $("text").focus();
    });
  }
  button("actions", t.follow, "follow", () => post("/sandbox/push", { kind: "subscribe" }));
  button("actions", t.unfollow, "unfollow", () => post("/sandbox/push", { kind: "unsubscribe" }));
  for (const item of info.menu) {
    const made = button("actions", `☰ ${item.label}`, "menu", () => post("/sandbox/push", { kind: "click", key: item.key }));
    made.dataset.key = item.key;
    made.title = item.key;
  }
  button("actions", t.picture, "image", () => post("/sandbox/push", { kind: "image" }));
  button("actions", t.location, "location", () =>
    post("/sandbox/push", { kind: "location", latitude: 23.13, longitude: 113.26, scale: 16, label: "广州" }));
  $("form").addEventListener("submit", (event) => {
    event.preventDefault();
    sendText();
  });
  $("text").addEventListener("keydown", (event) => {
    // While an input method composes, Enter chooses a candidate; 229 is what some browsers report for that.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    sendText();
  });
}

function translate() {
  document.documentElement.lang = t === STRINGS.zh ? "zh-CN" : "en";
  document.title = t.title;
  for (const node of document.querySelectorAll("[data-i18n]")) node.textContent = t[node.dataset.i18n];
  for (const node of document.querySelectorAll("[data-i18n-placeholder]")) node.placeholder = t[node.dataset.i18nPlaceholder];
  for (const node of document.querySelectorAll("[data-i18n-label]")) node.setAttribute("aria-label", t[node.dataset.i18nLabel]);
}

async function start() {
  translate();
  setOnline(false);
  let info = null;
  while (info === null) {
    try {
      info = await (await fetch("/sandbox/accounts")).json();
    } catch {
      await new Promise((wake) => setTimeout(wake, 1000));
    }
  }
  wire(info);
  liveAfter = info.newest;
  newest = Math.max(0, info.newest - HISTORY);
  listen();
  $("text").focus();
}

start();
