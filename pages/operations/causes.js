// What letters died of, in words of this language, and what to do. The API names each cause by a kind, which has its words here for
// those who read Chinese; in English the API's own are shown.

import { language } from "../shared/language.js";
import { codeMeaning } from "./codes.js";

// `src/operator/cause.rs` has the kinds.
const CHINESE = {
  workers_died: ["处理它的 worker 接连退出", "看这些 worker 的日志为什么退出：内存不足，还是处理程序崩溃；解决后再重试，否则还会发生"],
  held_too_long: ["保留太久，用户没有再来", "再回复已经太晚：丢弃；以后可调高路由的 `hold_for`"],
  too_many_held: ["同一用户保留的回复太多", "一位用户有 20 个以上的回复在等：丢弃旧的，或更早回复"],
  user_gone: ["用户已取消关注", "没有人会收到回复：丢弃"],
  no_right: ["此刻没有权利给用户发消息", "用户再次发言后才能发送：那时重试，或丢弃"],
  perhaps_duplicate: ["可能是重复的消息", "它在暂存里超过了 `receiver.spool.max_age`：在处理记录里看用户是否已得到回复，没有就重试"],
  no_call_back: ["服务没有回调", "服务收下后没有回调：看它的日志，以及它能否访问 `callback.base_url`；然后重试"],
  push_unreadable: ["看不懂推送", "若是加密的，给账号设 `aes_key`；若来自微信，请带原文报告；否则查查谁有账号的 Token；然后丢弃"],
  unsure: ["不知道是否已送达", "用户也许已收到：问问用户，或丢弃；路由的 `unsure` 决定自动怎么做"],
  service_slow: ["服务没有及时作答", "加快服务，或调高路由的 `timeout`；然后重试"],
  service_away: ["连不上服务", "启动服务，或改正它的地址；然后重试"],
  service_answer: ["服务的回答不能用", "按原因里说的改正服务的回答；然后重试"],
  service_failed: ["服务出错", "修好服务，它自己的日志说得更清楚；然后重试"],
  bug: ["回信或处理程序的缺陷", "请带上当时的日志报告；重试也许能通过"],
  no_api: ["这个账号只能在应答里回复", "更早回复，或换一种 `answer_by`"],
  damaged: ["存储的内容损坏", "重试：会从头处理这条消息"],
  refused: ["微信拒收", "看原因里说的是回复的哪一部分：改正后重试"],
  other: ["其他原因", "按原因解决；然后重试"],
};

/** `{ title, detail?, remedy }` of one of the API's causes. */
export function causeWords({ cause, kind, code, remedy }) {
  if (language !== "zh") return { title: cause, remedy };
  const [words, advice] = CHINESE[kind] ?? CHINESE.other;
  const known = code === null || code === undefined ? null : codeMeaning(code);
  const title = known ? `${words}：${code}，${known.meaning}` : words;
  return { title, detail: known ? null : cause, remedy: known?.remedy || advice };
}
