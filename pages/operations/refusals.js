// Pushes that were refused at the door: why, and what helps. Nothing of them was stored but a count by account, reason and hour.

import { element } from "../shared/dom.js";
import { number, time } from "../shared/format.js";
import { language } from "../shared/language.js";
import { coded, table } from "./draw.js";

const t = {
  en: { caption: "Refused pushes", hour: "When", account: "Account", reason: "Why", count: "How many", users: "Users that they name", noAccount: "(none of ours)", remedy: "Do" },
  zh: { caption: "拒收的推送", hour: "时间", account: "账号", reason: "原因", count: "数量", users: "请求里的用户", noAccount: "（不是我们的）", remedy: "处理" },
}[language];

// The label of the metric, what it means, what helps; then both in Chinese. `src/receiver/refusals.rs` has the reasons.
const REASONS = {
  path: ["the path is unknown", "check the URL in WeChat's console", "路径不认识", "核对微信开发者平台里的 URL"],
  method: ["the method is neither GET nor POST", "check whether a proxy changes it", "请求方法不是 GET 或 POST", "看看代理是否改了方法"],
  account: ["the account is not configured", "check the account's name in the URL", "没有配置这个账号", "核对 URL 里的账号名"],
  address: ["the client's address is not in `allow_from`", "add WeChat's addresses to it", "对方地址不在 `allow_from` 里", "把微信的地址加进去"],
  no_address: ["a trusted proxy doesn't say which client it serves", "make the proxy set X-Forwarded-For", "受信任的代理没有说明客户端地址", "让代理设置 X-Forwarded-For"],
  no_signature: ["the query has no signature", "check whether a proxy removes the query", "请求没有签名", "看看代理是否去掉了查询参数"],
  doubled: ["the query has a key twice", "remove `signature` and the like from the URL", "查询参数有重复的键", "从 URL 里去掉 `signature` 之类的参数"],
  signature: ["the signature is made with another token", "set the account's `token` to the one in WeChat's console (微信开发者平台) under 基础信息 › 域名与消息推送配置; while its other pushes come in, the token is right, and something else than WeChat has sent this one", "签名用的是另一个 Token", "把账号的 `token` 设成微信开发者平台“基础信息 › 域名与消息推送配置”里的那个；如果它的其他推送都正常收下，Token 就没错，是别的程序发了这一条"],
  plain: ["the push is plain, but the account has an `aes_key`", "choose safe mode in WeChat's console, or set `accept_plain` while you change it; a test account has no safe mode: remove `aes_key`", "推送是明文，但账号设了 `aes_key`", "在微信开发者平台选安全模式，或切换期间设 `accept_plain`；测试号没有安全模式：去掉 `aes_key`"],
  no_msg_signature: ["the query has no msg_signature", "check whether a proxy removes the query", "请求没有 msg_signature", "看看代理是否去掉了查询参数"],
  envelope: ["the body is not an encrypted push", "check whether a proxy changes the body", "内容不是加密的推送", "看看代理是否改了内容"],
  sealed: ["the push can't be decrypted", "set `aes_key` and `app_id` to those in WeChat's console", "推送无法解密", "把 `aes_key` 和 `app_id` 设成微信开发者平台里的"],
  timestamp: ["the timestamp is too far from now", "set this machine's clock, or raise `max_skew`", "时间戳离现在太远", "校准这台机器的时钟，或调高 `max_skew`"],
  no_echo: ["the check of the URL has no echostr", "check whether a proxy removes the query", "URL 验证没有 echostr", "看看代理是否去掉了查询参数"],
  too_large: ["the body is larger than `max_body`", "raise `max_body`", "内容超过 `max_body`", "调高 `max_body`"],
  slow: ["the body does not arrive in time", "check whether a proxy holds it back", "内容没有及时到达", "看看代理是否积压"],
  busy: ["more pushes come than can be stored in time", "WeChat tries them again; if this goes on, give this machine or the queue's more processors", "推送来得太多，来不及存", "微信会再推；如果一直这样，给这台机器或队列所在的机器加处理器"],
};

/** `{ problem, remedy }` of a reason's label; the label itself if a newer version gave it. */
export function refusalMeaning(label) {
  const [problem, remedy, problemZh, remedyZh] = Object.hasOwn(REASONS, label) ? REASONS[label] : [label, "", label, ""];
  return language === "zh" ? { problem: problemZh, remedy: remedyZh } : { problem, remedy };
}

/** When the pushes of one count came. */
export const when = ({ first_at: first, last_at: last }) => (time(first) === time(last) ? time(first) : `${time(first)} – ${time(last)}`);

export function refusalTable(counts) {
  return table(t.caption, [
    { label: t.hour, cell: (one) => when(one), kind: "number" },
    { label: t.account, cell: (one) => one.account || t.noAccount },
    { label: t.count, cell: (one) => number(one.count), kind: "number" },
    { label: t.reason, cell: (one) => reason(one.reason), kind: "wide" },
    { label: t.users, cell: (one) => (one.users.length ? element("span", { class: "mono" }, one.users.map((user) => `…${user}`).join(" ")) : null) },
  ], counts);
}

function reason(label) {
  const { problem, remedy } = refusalMeaning(label);
  return element("div", {}, element("p", {}, coded(problem), " ", element("span", { class: "mono soft" }, label)),
    remedy ? element("p", { class: "soft" }, t.remedy, ": ", coded(remedy)) : null);
}
