// Which view an address means: `#/message/ID?account=main`. Everything that can be shown has one, so a link can be shared.

/** `{ name, parts, query }` of the address as it is now. */
export function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...parts] = path.split("/").map(decode);
  return { name: name || "overview", parts, query: Object.fromEntries(new URLSearchParams(query)) };
}

/** The address of a view. What is empty is left out. */
export function to(name, parts = [], query = {}) {
  const path = [name === "overview" ? "" : name, ...parts].map(encodeURIComponent).join("/");
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const conditions = new URLSearchParams(given).toString();
  return `#/${path}${conditions ? `?${conditions}` : ""}`;
}

export const toMessage = (id, account, user) => to("message", [id], { account, user });
export const toUser = (account, user) => to("user", [account, user]);

/** Goes there. If you are there already, it is shown anew. */
export function go(address) {
  if (location.hash === address) window.dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = address;
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // an address that somebody wrote by hand
  }
}
