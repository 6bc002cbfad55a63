// Asks again every five seconds while the page can be seen: never twice at once, and not while you have paused it.

const EVERY_MS = 5000;

/**
 * `work({ signal, isAsked })` is done now and then; `hear({ at, error })` learns how it went. `isAsked` says that a person wants it,
 * so that what is dear is asked again only then.
 */
export function poll(work, hear) {
  let timer = null;
  let running = null;
  let isPaused = false;

  async function round(isAsked) {
    clearTimeout(timer);
    running?.abort();
    const mine = new AbortController();
    running = mine;
    let error = null;
    try {
      await work({ signal: mine.signal, isAsked });
    } catch (problem) {
      error = problem;
    }
    if (running !== mine) return;
    running = null;
    hear({ at: Date.now(), error });
    plan();
  }

  function plan() {
    clearTimeout(timer);
    if (!isPaused && !document.hidden && !running) timer = setTimeout(() => round(false), EVERY_MS);
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else if (!isPaused && !running) round(false);
  });

  return {
    /** At once, and then every five seconds. What is still under way is given up. */
    now: (isAsked = true) => round(isAsked),
    stop() {
      clearTimeout(timer);
      running?.abort();
      running = null;
    },
    pause(paused) {
      isPaused = paused;
      plan();
    },
  };
}
