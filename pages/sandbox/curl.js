// Requests as commands for a shell, so that what happened here can be made again there.

/** A word as a POSIX shell takes it, whatever is in it. */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** `curl` for a request with a body. */
export function curl(method, url, contentType, body) {
  const parts = ["curl -sS -i", `-X ${method}`, quoted(url)];
  if (body !== null && body !== "") parts.push(`-H ${quoted(`content-type: ${contentType}`)}`, `--data-binary ${quoted(body)}`);
  return parts.join(" \\\n  ");
}
