// The transcript as it grows, by server-sent events.

const RETRY_MS = 2000;

/** Calls `receive(entry)` for each entry after `after()`, and `online(is)` when the connection comes or goes. */
export function listen(after, receive, online) {
  const source = new EventSource(`/sandbox/events?after=${after()}`);
  source.onopen = () => online(true);
  source.onmessage = (event) => receive(JSON.parse(event.data));
  source.onerror = () => {
    online(false);
    // The browser reconnects by itself unless it has given up.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(after, receive, online), RETRY_MS);
  };
}
