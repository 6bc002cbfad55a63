// The door: a token, typed or pasted. It goes to the API once and is kept nowhere in the page.

import { element } from "../shared/dom.js";
import { language } from "../shared/language.js";
import { login } from "./session.js";

const t = {
  en: {
    title: "Log in",
    say: "This page shows users' OpenIDs and can change the queue. Show the token of the configuration: admin.token may do everything, admin.read_token may look.",
    token: "Token", enter: "Log in", wrong: "This token is wrong.",
    often: "Too many wrong tries from this address. Wait a minute.",
    failed: (why) => `It could not be checked: ${why}`,
  },
  zh: {
    title: "登录",
    say: "这个页面会显示用户的 OpenID，也能改动队列。请出示配置里的令牌：admin.token 可以做一切，admin.read_token 只能查看。",
    token: "令牌", enter: "登录", wrong: "令牌不对。",
    often: "这个地址试错的次数太多，请等一分钟。",
    failed: (why) => `无法验证：${why}`,
  },
}[language];

/** Draws the form into `place`; `entered()` hears that it was the right token. */
export function showLogin(place, entered) {
  const token = element("input", {
    class: "input", id: "token", type: "password", autocomplete: "current-password", required: true, maxlength: 1000, spellcheck: "false",
  });
  const problem = element("p", { class: "banner", role: "alert", id: "login-problem", data: { tone: "bad" }, hidden: true });
  const enter = element("button", { class: "button primary", type: "submit" }, t.enter);
  const form = element("form", { class: "card stack login", id: "login" },
    element("h1", { tabindex: "-1" }, t.title), element("p", { class: "soft" }, t.say),
    element("label", { class: "field" }, element("span", {}, t.token), token), problem, enter);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (enter.disabled) return;
    enter.disabled = true;
    problem.hidden = true;
    try {
      await login(token.value);
      token.value = "";
      entered();
    } catch (error) {
      problem.textContent = { 401: t.wrong, 429: t.often }[error.status] ?? t.failed(error.message);
      problem.hidden = false;
      token.select();
      token.focus();
    } finally {
      enter.disabled = false;
    }
  });
  place.replaceChildren(form);
  token.focus();
}
