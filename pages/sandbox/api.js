// The control API of the pretend WeChat. It is all that this page talks to.

/** What an address has, or null when it isn't there: an older sandbox lacks some. */
export async function get(path, query = {}) {
  const asked = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== null && value !== undefined));
  const response = await fetch(asked.size ? `${path}?${asked}` : path);
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(await reason(response));
  return response.json();
}

/** Posts JSON, and gives the answer's JSON; null when it has none. */
export async function post(path, body) {
  return send(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

/** Posts a file as it is. */
export async function upload(path, query, file) {
  return send(`${path}?${new URLSearchParams(query)}`, { method: "POST", headers: { "content-type": file.type || "application/octet-stream" }, body: file });
}

export async function remove(path) {
  return send(path, { method: "DELETE" });
}

async function send(path, request) {
  const response = await fetch(path, request);
  if (!response.ok) throw Object.assign(new Error(await reason(response)), { status: response.status });
  const text = await response.text();
  return text === "" ? null : JSON.parse(text);
}

async function reason(response) {
  try {
    return String((await response.json()).error);
  } catch {
    return `HTTP ${response.status}`; // no JSON: the status says what there is to say
  }
}

/** Where the sandbox keeps a medium of an account. */
export const mediaUrl = (account, id) => `/sandbox/media/${encodeURIComponent(account)}/${encodeURIComponent(String(id))}`;
