"""The rows of benches/run. Each measures once, for one round, and gives its figures by name; it checks that exactly what was
accepted lies in the store or was answered, and fails if not."""

import time

from stack import Failed, Stack, listens, until

ALL_OF_SIMPLEST = """local n = 0
for _, key in ipairs(redis.call('KEYS', 'lane:*')) do n = n + redis.call('LLEN', key) end
return n"""


class Sizes:
    """How much each row does."""

    def __init__(self, quick, backlog):
        self.acks, self.drain, self.embedded = (4_000, 3_000, 2_000) if quick else (40_000, 20_000, 20_000)
        self.seconds = 2 if quick else 4
        self.slow, self.slow_ms = (1_000, 3_000) if quick else (10_000, 10_000)
        self.accounts, self.by_accounts = ((1, 30), 300) if quick else ((1, 10, 100, 1_000, 3_000), 3_000)
        self.lanes, self.by_lanes = ((1, 100), 300) if quick else ((1, 10, 100, 1_000, 10_000, 100_000), 10_000)
        self.bodies, self.by_bodies = ((450, 65_536), 300) if quick else ((450, 1_024, 4_096, 16_384, 65_536), 3_000)
        self.workers, self.by_workers = ((1, 4), 300) if quick else ((1, 2, 4, 8), 2_000)
        self.sustained, self.overload_s = (1_000, 3) if quick else (40_000, 60)
        self.backlog, self.beside = (backlog or 10_000, 2_000) if quick else (backlog or 100_000, 5_000)
        # It fails with a backlog of more than 8,000.
        self.peer_drain = min(self.drain, 7_000)


class Used:
    """What processes use between two moments."""

    def __init__(self, **processes):
        self.processes = {name: process for name, process in processes.items() if process}
        self.before = {name: process.cpu_us() for name, process in self.processes.items()}

    def each_us(self, count):
        return {f"{name}_us": (process.cpu_us() - self.before[name]) / count
                for name, process in self.processes.items()}


def expect(what, found, expected):
    if found != expected:
        raise Failed(f"{what}: {found}, and {expected} were accepted")


def acks(sizes, yardstick):
    """Pushes as fast as they are answered, on 64 connections."""
    figures = {}
    if yardstick:
        figures |= baseline("bare", sizes, [yardstick.limit], "/bare", None)
        figures |= baseline("simplest", sizes, [yardstick.limit], "/wx",
                            lambda stack: stack.ask_redis("EVAL", ALL_OF_SIMPLEST, 0))
        figures |= baseline("apalis", sizes, [yardstick.peer, "receive"], "/wx",
                            lambda stack: stack.ask_redis("HLEN", "wx:data"))
    for name, sealed, fsync in [("plain", False, "everysec"), ("safe", True, "everysec"), ("always", False, "always")]:
        with Stack(fsync) as stack:
            receiver = stack.huixin("receiver")
            push = lambda count, stack=stack, sealed=sealed: stack.push(count, sealed=sealed)
            figures |= pushed(name, sizes, stack, receiver, push, Stack.open)
    return figures


def baseline(name, sizes, command, path, stored):
    with Stack() as stack:
        receiver = stack.start(command, PORT=stack.port, RP=stack.redis_port, W=2)
        until(f"{name} listens", lambda: listens(stack.port))
        return pushed(name, sizes, stack, receiver, lambda count: stack.push(count, path=path), stored)


def pushed(name, sizes, stack, receiver, push, stored):
    warm = push(sizes.acks // 20)
    used = Used(receiver=receiver, redis=stack.redis if stored else None)
    outcome = push(sizes.acks)
    each_us = used.each_us(sizes.acks)
    if outcome["refused"]:
        raise Failed(f"{name} refused some: {outcome['statuses']}")
    if stored:
        expect(f"in the store of {name}", stored(stack), warm["accepted"] + outcome["accepted"])
    figures = {"per_s": outcome["per_second"], "p99_ms": outcome["p99_us"] / 1000, **each_us}
    return {f"{name}.{figure}": value for figure, value in figures.items()}


def latency(sizes, yardstick):
    """Pushes at a steady rate, each counted from the moment it was due."""
    figures = {}
    for rate in (500, 2_000):
        with Stack() as stack:
            stack.huixin("receiver")
            figures |= at_rate(f"huixin_{rate}", stack, rate, sizes.seconds, "/wechat/a{}", Stack.open)
        if yardstick:
            with Stack() as stack:
                stack.start([yardstick.limit], PORT=stack.port, RP=stack.redis_port, W=2)
                until("the simplest receiver listens", lambda stack=stack: listens(stack.port))
                stored = lambda stack: stack.ask_redis("EVAL", ALL_OF_SIMPLEST, 0)
                figures |= at_rate(f"simplest_{rate}", stack, rate, sizes.seconds, "/wx", stored)
    return figures


def at_rate(name, stack, rate, seconds, path, stored):
    stack.push(200, path=path)
    outcome = stack.push(rate * seconds, path=path, rate=rate)
    expect(f"in the store at {rate}/s", stored(stack), 200 + rate * seconds)
    return {f"{name}.{quantile}_ms": outcome[f"{quantile}_us"] / 1000 for quantile in ("p50", "p99", "max")}


def drain(sizes, yardstick):
    """A backlog is answered at once, each message by one send over HTTP."""
    figures = {}
    if yardstick:
        with Stack() as stack:
            receiver = stack.start([yardstick.peer, "receive"], PORT=stack.port, RP=stack.redis_port)
            until("apalis listens", lambda: listens(stack.port))
            stack.push(sizes.peer_drain, path="/wx")
            receiver.end()
            sink = f"http://127.0.0.1:{stack.sink_port}"
            start = lambda: stack.start([yardstick.peer, "work"], RP=stack.redis_port, BATCH=100, CONC=256, SINK=sink)
            figures |= drained("apalis", stack, start, sizes.peer_drain)
    with Stack() as stack:
        lay(stack, sizes.drain)
        figures |= drained("huixin", stack, lambda: stack.huixin("worker"), sizes.drain)
        until("the queue is empty", lambda: stack.open() == 0)
    return figures


def lay(stack, count, users=None):
    """Puts messages into the queue, by a receiver that is stopped then."""
    receiver = stack.huixin("receiver")
    outcome = stack.push(count, users=users)
    if receiver.stop() != 0:
        raise Failed("the receiver has not stopped in order")
    expect("in the queue", stack.open(), outcome["accepted"])


def drained(name, stack, start, count):
    redis = Used(redis=stack.redis)
    worker = start()
    counts = stack.wait_for_sends(count, patience_s=120)
    seconds = (counts["last_sent_us"] - counts["first_sent_us"]) / 1e6
    return {f"{name}.per_s": count / seconds, f"{name}.worker_us": worker.cpu_us() / count,
            f"{name}.redis_us": redis.each_us(count)["redis_us"]}


def light(sizes, _):
    """A steady, light load with a service that answers at once, and two workers."""
    figures = {}
    for rate in (300, 500):
        with Stack(route='http = { url = "SINK/answer/0" }') as stack:
            receiver, one, two = stack.huixin("receiver"), stack.huixin("worker"), stack.huixin("worker")
            used = Used(receiver=receiver, redis=stack.redis, worker_1=one, worker_2=two)
            count = rate * sizes.seconds
            outcome = stack.push(count, rate=rate)
            counts = stack.wait_for_sends(outcome["accepted"])
            each_us = used.each_us(count)
            each_us["workers_us"] = each_us.pop("worker_1_us") + each_us.pop("worker_2_us")
            [p50, p99, _] = counts["asked_after_us"]
            times = {"start_p50_ms": p50 / 1000, "start_p99_ms": p99 / 1000}
            figures |= {f"at_{rate}.{name}": value for name, value in (each_us | times).items()}
    return figures


def slow(sizes, _):
    """One worker whose handlers all wait for their service at the same time."""
    route = f'http = {{ url = "SINK/answer/{sizes.slow_ms}" }}\nat_once = {sizes.slow}'
    with Stack(route=route) as stack:
        lay(stack, sizes.slow, users=sizes.slow)
        began = time.monotonic()
        worker = stack.huixin("worker", HUIXIN_WORKER__CONCURRENCY=sizes.slow)
        idle_mb = worker.memory_mb()
        counts = stack.wait_for_sends(sizes.slow, patience_s=120)
        took_s = time.monotonic() - began
        expect("handlers that ran", counts["asked"], sizes.slow)
        return {"at_once": counts["asking_max"], "idle_mb": idle_mb, "peak_mb": worker.memory_mb("VmHWM"),
                "longer_s": took_s - sizes.slow_ms / 1000, "cpu_us": worker.cpu_us() / sizes.slow}


def backlog(sizes, _):
    """What accepts and messages cost beside a backlog, and what a waiting message takes."""
    with Stack() as stack:
        receiver = stack.huixin("receiver")
        accept = lambda: accepted_us(stack, receiver, sizes.beside)
        accept()
        empty, before = accept(), stack.redis_memory_bytes()
        stack.push(sizes.backlog, users=sizes.backlog // 5)
        each_bytes = (stack.redis_memory_bytes() - before) / sizes.backlog
        full = accept()
        laid = sizes.backlog + 3 * sizes.beside
        expect("in the queue", stack.open(), laid)
        used, worker = Used(redis=stack.redis), stack.huixin("worker")
        time.sleep(sizes.seconds)
        if worker.stop() != 0:
            raise Failed("the worker has not stopped in order")
        counts = stack.counts()
        expect("sends and messages", counts["sent"], counts["distinct"])
        expect("answered and still in the queue", counts["distinct"] + stack.open(), laid)
        return {"empty_redis_us": empty, "full_redis_us": full, "ratio": full / empty,
                "drained_redis_us": used.each_us(counts["distinct"])["redis_us"], "bytes": each_bytes}


def accepted_us(stack, receiver, count):
    used = Used(redis=stack.redis, receiver=receiver)
    if stack.push(count)["refused"]:
        raise Failed("some pushes were refused")
    return used.each_us(count)["redis_us"]


def embedded(sizes, _):
    """`huixin run` on a file: an fsync before each ack, and the worker in the same process."""
    with Stack(queue="sqlite:huixin.db") as stack:
        run = stack.huixin("run")
        stack.push(500)
        used = Used(run=run)
        outcome = stack.push(sizes.embedded)
        counts = stack.wait_for_sends(500 + outcome["accepted"], patience_s=120, unsure=outcome["refused"])
        seconds = (counts["last_sent_us"] - counts["first_sent_us"]) / 1e6
        return {"per_s": outcome["per_second"], "p99_ms": outcome["p99_us"] / 1000, "refused": outcome["refused"],
                "answered_per_s": counts["distinct"] / seconds, "cpu_us": used.each_us(sizes.embedded)["run_us"]}


def idle(sizes, _):
    """A receiver, two workers and Redis with nothing to do."""
    with Stack() as stack:
        receiver, one, two = stack.huixin("receiver"), stack.huixin("worker"), stack.huixin("worker")
        time.sleep(1)
        used = Used(receiver=receiver, redis=stack.redis, worker_1=one, worker_2=two)
        began = time.monotonic()
        time.sleep(sizes.seconds)
        each = used.each_us(time.monotonic() - began)
        cpu = {"receiver": each["receiver_us"], "worker": each["worker_1_us"], "redis": each["redis_us"]}
        return ({f"{name}_ms_per_s": value / 1000 for name, value in cpu.items()}
                | {"receiver_mb": receiver.memory_mb(), "worker_mb": one.memory_mb()})


ROWS = {row.__name__: row for row in (acks, latency, drain, light, slow, backlog, embedded, idle)}
