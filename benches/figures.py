"""What benches/run reports, in order, and what is to reach."""

import re
from typing import NamedTuple


class Goal(NamedTuple):
    """At least or at most so much: of the ratio if the unit is ×, else of the median."""

    sign: str
    limit: float
    unit: str

    def __str__(self):
        return f"{self.sign} {self.limit:,} {self.unit}".strip()

    def judge(self, value):
        """The goal, and what became of it."""
        reached = value >= self.limit if self.sign == "≥" else value <= self.limit
        return f"{self}, reached" if reached else f"{self}, **missed**"


# Row, figure, what it is, unit, digits behind the point, the figure that it is held against, and perhaps a goal.
FIGURES = [
    ("acks", "bare.per_s", "acks, bare axum", "/s", 0, None),
    ("acks", "simplest.per_s", "acks, simplest honest receiver", "/s", 0, None),
    ("acks", "apalis.per_s", "acks, axum + apalis", "/s", 0, "simplest.per_s"),
    ("acks", "plain.per_s", "**acks, Huixin, plain**", "/s", 0, "simplest.per_s", Goal("≥", 1.0, "×")),
    ("acks", "plain.per_s", "the same beside axum + apalis", "/s", 0, "apalis.per_s", Goal("≥", 1.5, "×")),
    ("acks", "safe.per_s", "acks, Huixin, safe mode", "/s", 0, "plain.per_s", Goal("≥", 0.9, "×")),
    ("acks", "always.per_s", "acks, Huixin, plain, AOF always", "/s", 0, "plain.per_s"),
    ("acks", "bare.receiver_us", "CPU of the receiver a push, bare axum", "µs", 1, None),
    ("acks", "simplest.receiver_us", "CPU of the receiver a push, simplest", "µs", 1, None),
    ("acks", "apalis.receiver_us", "CPU of the receiver a push, apalis", "µs", 1, "simplest.receiver_us"),
    ("acks", "plain.receiver_us", "**CPU of the receiver a push, Huixin**", "µs", 1, "simplest.receiver_us", Goal("≤", 1.0, "×")),
    ("acks", "safe.receiver_us", "CPU of the receiver a push, Huixin, safe mode", "µs", 1, "plain.receiver_us"),
    ("acks", "simplest.redis_us", "CPU of Redis a push, simplest", "µs", 1, None),
    ("acks", "apalis.redis_us", "CPU of Redis a push, apalis", "µs", 1, "simplest.redis_us"),
    ("acks", "plain.redis_us", "**CPU of Redis a push, Huixin**", "µs", 1, "simplest.redis_us", Goal("≤", 0.95, "×")),
    ("latency", "simplest_500.p50_ms", "ack at 500/s, simplest, p50", "ms", 2, None),
    ("latency", "simplest_500.p99_ms", "ack at 500/s, simplest, p99", "ms", 2, None),
    ("latency", "huixin_500.p50_ms", "ack at 500/s, Huixin, p50", "ms", 2, "simplest_500.p50_ms"),
    ("latency", "huixin_500.p99_ms", "ack at 500/s, Huixin, p99", "ms", 2, "simplest_500.p99_ms"),
    ("latency", "simplest_2000.p50_ms", "ack at 2,000/s, simplest, p50", "ms", 2, None),
    ("latency", "simplest_2000.p99_ms", "ack at 2,000/s, simplest, p99", "ms", 2, None),
    ("latency", "huixin_2000.p50_ms", "ack at 2,000/s, Huixin, p50", "ms", 2, "simplest_2000.p50_ms"),
    ("latency", "huixin_2000.p99_ms", "**ack at 2,000/s, Huixin, p99**", "ms", 2, "simplest_2000.p99_ms", Goal("≤", 3, "ms")),
    ("latency", "huixin_2000.max_ms", "ack at 2,000/s, Huixin, slowest", "ms", 2, "simplest_2000.max_ms"),
    ("drain", "apalis.per_s", "drained, apalis", "/s", 0, None),
    ("drain", "huixin.per_s", "**drained, Huixin**", "/s", 0, "apalis.per_s", Goal("≥", 1.75, "×")),
    ("drain", "apalis.worker_us", "CPU of the worker a message, apalis", "µs", 1, None),
    ("drain", "huixin.worker_us", "CPU of the worker a message, Huixin", "µs", 1, "apalis.worker_us"),
    ("drain", "apalis.redis_us", "CPU of Redis a message, apalis", "µs", 1, None),
    ("drain", "huixin.redis_us", "CPU of Redis a message, Huixin", "µs", 1, "apalis.redis_us"),
    ("light", "at_300.receiver_us", "at 300/s, two workers: CPU of the receiver a message", "µs", 0, None, Goal("≤", 100, "µs")),
    ("light", "at_300.redis_us", "at 300/s, two workers: CPU of Redis a message", "µs", 0, None, Goal("≤", 250, "µs")),
    ("light", "at_300.workers_us", "at 300/s, two workers: CPU of both workers a message", "µs", 0, None),
    ("light", "at_300.start_p50_ms", "at 300/s: from the push to the service's request, p50", "ms", 2, None),
    ("light", "at_300.start_p99_ms", "at 300/s: from the push to the service's request, p99", "ms", 2, None),
    ("light", "at_500.start_p50_ms", "at 500/s: from the push to the service's request, p50", "ms", 2, None, Goal("≤", 0.7, "ms")),
    ("light", "at_500.start_p99_ms", "at 500/s: from the push to the service's request, p99", "ms", 2, None, Goal("≤", 2, "ms")),
    ("slow", "at_once", "slow handlers in flight in one worker", "", 0, None, Goal("≥", 10_000, "")),
    ("slow", "peak_mb", "its memory at most", "MB", 0, None, Goal("≤", 200, "MB")),
    ("slow", "idle_mb", "its memory before", "MB", 0, None),
    ("slow", "longer_s", "from its start to the last answer, less the service's own time", "s", 1, None),
    ("slow", "cpu_us", "its CPU a message", "µs", 0, None),
    ("backlog", "empty_redis_us", "accept, empty queue: CPU of Redis", "µs", 1, None),
    ("backlog", "full_redis_us", "accept beside BACKLOG messages: CPU of Redis", "µs", 1, "empty_redis_us", Goal("≤", 1.1, "×")),
    ("backlog", "drained_redis_us", "a message out of that backlog: CPU of Redis", "µs", 1, None),
    ("backlog", "bytes", "Redis's memory for a waiting message of 450 B, five a user", "B", 0, None, Goal("≤", 711, "B")),
    ("embedded", "per_s", "embedded: acks, the worker in the same process", "/s", 0, None, Goal("≥", 20_000, "/s")),
    ("embedded", "refused", "embedded: refused", "", 0, None, Goal("≤", 0, "")),
    ("embedded", "p99_ms", "embedded: ack, p99", "ms", 2, None),
    ("embedded", "answered_per_s", "embedded: answered", "/s", 0, None),
    ("embedded", "cpu_us", "embedded: CPU a message", "µs", 0, None),
    ("idle", "receiver_ms_per_s", "idle receiver: CPU in a second", "ms", 2, None),
    ("idle", "worker_ms_per_s", "idle worker: CPU in a second", "ms", 2, None),
    ("idle", "redis_ms_per_s", "Redis of an idle receiver and two workers: CPU in a second", "ms", 2, None),
    ("idle", "receiver_mb", "idle receiver: memory", "MB", 1, None),
    ("idle", "worker_mb", "idle worker: memory", "MB", 1, None),
    ("overload", "sustained_per_s", "acks on 64 connections, while a worker answers", "/s", 0, None),
    ("overload", "offered_per_s", "**overload: pushes due, for 1,024 connections**", "/s", 0, "sustained_per_s"),
    ("overload", "acked_per_s", "overload: acks", "/s", 0, "sustained_per_s"),
    ("overload", "refused_per_s", "overload: refused with 503", "/s", 0, None),
    ("overload", "unanswered_per_s", "overload: not answered within 5 s of when it was due", "/s", 0, None),
    ("overload", "unsure", "overload: not acked, and stored all the same", "", 0, None),
    ("overload", "p99_ms", "**overload: ack since the push was due, p99**", "ms", 0, None, Goal("≤", 1_000, "ms")),
    ("overload", "max_ms", "overload: ack since the push was due, slowest", "ms", 0, None),
    ("overload", "receiver_mb", "overload: memory of the receiver at most", "MB", 0, None, Goal("≤", 100, "MB")),
    ("overload", "growth", "overload: the same in the second half, to the first", "×", 2, None),
    ("overload", "redis_mb", "overload: memory of Redis at most", "MB", 0, None),
    ("overload", "recovery_s", "overload: from its end to acks below 50 ms again", "s", 1, None, Goal("≤", 5, "s")),
    ("overload", "drained_s", "overload: from its end until nothing is in the spool", "s", 1, None),
]

# Row, what its points are, and perhaps a goal for the last to the first. What is measured at each are the PARTS.
CURVES = [
    ("lanes", "users at the same time", None),
    ("payload", "bytes of a push", None),
    ("accounts", "accounts", Goal("≤", 1.2, "×")),
    ("workers", "workers, at 500 messages a second", None),
]
PARTS = {"receiver_us": "receiver", "worker_us": "workers", "redis_us": "Redis"}


def curve(measured, row, part):
    """The points of a curve that were measured, and the values of all rounds at each."""
    names = re.compile(rf"{row}\.of_(\d+)\.{part}")
    return {int(found[1]): values for name, values in measured.items() if (found := names.fullmatch(name))}
