// Questions and orders to the API of the listener that gave this page. Nothing else is ever asked.

const PATIENCE_MS = 20_000;

let hearLocked = () => {};

/** What the API refuses, in its own words; `status` 0 if it could not be reached. */
export class ApiError extends Error {
  constructor(status, error, hint) {
    super(error);
    this.status = status;
    this.hint = hint ?? null;
  }
}

/** `locked()` hears that the session is over. */
export function whenLocked(locked) {
  hearLocked = locked;
}

/** Asks. Conditions that are empty are left out. `signal` gives up. */
export function get(path, conditions = {}, signal = undefined) {
  const given = Object.entries(conditions).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const query = new URLSearchParams(given).toString();
  return call(`v1/${path}${query ? `?${query}` : ""}`, {}, signal);
}

/** Orders a change. */
export function post(path, order = {}, signal = undefined) {
  const headers = { "content-type": "application/json" };
  return call(`v1/${path}`, { method: "POST", headers, body: JSON.stringify(order) }, signal);
}

/** What the process says is wrong with it, a sentence each: it knows that also when its queue is away. */
export async function complaints() {
  const report = await (await reach("readyz", {})).json();
  return [...report.problems, ...report.warnings];
}

async function call(path, request, signal) {
  const response = await reach(path, request, signal);
  if (response.ok) {
    const text = await response.text();
    return text ? JSON.parse(text) : null;
  }
  const refusal = await response.json().catch(() => ({}));
  if (response.status === 401 && !path.endsWith("/login")) hearLocked();
  throw new ApiError(response.status, refusal.error ?? `${response.status} ${response.statusText}`, refusal.hint);
}

async function reach(path, request, signal) {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  try {
    return await fetch(path, {
      cache: "no-store",
      credentials: "same-origin",
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
      ...request,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, error.name === "TimeoutError" ? `no answer within ${PATIENCE_MS / 1000} s` : String(error.message ?? error));
  }
}
