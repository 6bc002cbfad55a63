"""The row `overload` of benches/run: twice as many pushes as can be answered, whatever the answers do."""

import threading
import time

from rows import expect
from stack import Failed, Stack, until

CONNECTIONS = 1_024
# With so many connections, and with the spool, which it may come to use at any time: a comparison of halves would tell that only.
RECEIVER_MAX_MB = 100
# What is answered in this time, at this rate, is answered as if nothing had happened.
CALM_MS, CALM_PER_S = 50, 100
RECOVERY_MAX_S = 60
DRAIN_MAX_S = 300


def overload(sizes, _):
    """Nothing that was acked is lost or answered twice, the receiver's memory is bounded, and it recovers by itself."""
    with Stack() as stack:
        receiver, worker = stack.huixin("receiver"), stack.huixin("worker")
        warm = stack.push(sizes.sustained)
        if warm["refused"]:
            raise Failed(f"some pushes were refused before the overload: {warm['statuses']}")
        rate, memory = 2 * warm["per_second"], Memory(receiver, stack.redis)
        outcome = stack.push(int(rate * sizes.overload_s), rate=rate, connections=CONNECTIONS)
        receiver_mb, redis_mb = memory.stop()
        # Late answers belong to the time after the last push was due.
        late_s, ended = outcome["seconds"] - sizes.overload_s, time.monotonic()
        recovery_s = late_s + calm_after_s(stack)
        until("what went to the disk is in the queue", lambda: receiver.metric("huixin_spool_entries") == 0, DRAIN_MAX_S)
        drained_s = late_s + time.monotonic() - ended
        unsure = hold_promises(stack, worker, receiver, outcome)
        half = len(receiver_mb) // 2
        growth = max(receiver_mb[half:]) / max(receiver_mb[:half])
        if max(receiver_mb) > RECEIVER_MAX_MB:
            raise Failed(f"the receiver took {max(receiver_mb):.0f} MB")
        refused = outcome["refused"] - outcome["statuses"].get("0", 0)
        return {"sustained_per_s": warm["per_second"], "offered_per_s": rate,
                "acked_per_s": outcome["accepted"] / sizes.overload_s, "refused_per_s": refused / sizes.overload_s,
                "unanswered_per_s": outcome["statuses"].get("0", 0) / sizes.overload_s, "unsure": unsure,
                "p99_ms": outcome["p99_us"] / 1000, "max_ms": outcome["max_us"] / 1000,
                "receiver_mb": max(receiver_mb), "growth": growth, "redis_mb": max(redis_mb), "recovery_s": recovery_s,
                "drained_s": drained_s}


class Memory(threading.Thread):
    """Looks at the memory of processes, again and again."""

    def __init__(self, *processes):
        super().__init__(daemon=True)
        self.processes, self.seen, self.stopped = processes, [], threading.Event()
        self.start()

    def run(self):
        while not self.stopped.wait(0.1):
            self.seen.append([process.memory_mb() for process in self.processes])

    def stop(self):
        """The sizes of each process."""
        self.stopped.set()
        self.join()
        return list(zip(*self.seen))


def calm_after_s(stack):
    """How long it takes from now until a light load is answered at once again, or was looked at for long enough."""
    began = time.monotonic()
    while (after := time.monotonic() - began) < RECOVERY_MAX_S:
        light = stack.push(CALM_PER_S // 4, rate=CALM_PER_S)
        if light["refused"] == 0 and light["max_us"] < CALM_MS * 1000:
            return after
    return after


def hold_promises(stack, worker, receiver, outcome):
    """What was acked lies in the queue or was answered, and nothing did twice. Gives how many are there without an ack."""
    if [worker.stop(), receiver.stop()] != [0, 0]:
        raise Failed("worker and receiver have not stopped in order")
    if other := set(outcome["statuses"]) - {"0", "200", "503"}:
        raise Failed(f"under overload it answered {', '.join(other)}")
    answered, waiting, counts = stack.answered(), stack.waiting(), stack.counts()
    expect("acked and neither in the queue nor answered", (stack.acked & ~(answered | waiting)).bit_count(), 0)
    expect("answered and still in the queue", (answered & waiting).bit_count(), 0)
    expect("sends", counts["sent"], counts["distinct"])
    expect("messages in the queue", stack.open(), waiting.bit_count())
    return ((answered | waiting) & ~stack.acked).bit_count()
