// Who you are to the API, and what you may do. The cookie is the browser's: no script can read it.

import { get, post } from "./api.js";

export const session = { mayRead: false, mayChange: false, isLoggedIn: false };

export async function load() {
  return keep(await get("session"));
}

export async function login(token) {
  return keep(await post("login", { token }));
}

export async function logout() {
  await post("logout");
  return load();
}

function keep(answer) {
  Object.assign(session, { mayRead: answer.may_read, mayChange: answer.may_change, isLoggedIn: answer.by_session });
  return session;
}
