"""What benches/run has measured, as a table and as docs/benchmarks.md."""

import datetime
import os
import pathlib
import platform
import statistics
import subprocess

from stack import HUIXIN, ROOT

# Row, figure, what it is, unit, digits behind the point, and the figure that it is held against.
FIGURES = [
    ("acks", "bare.per_s", "acks, bare axum", "/s", 0, None),
    ("acks", "simplest.per_s", "acks, simplest honest receiver", "/s", 0, None),
    ("acks", "apalis.per_s", "acks, axum + apalis", "/s", 0, "simplest.per_s"),
    ("acks", "plain.per_s", "**acks, Huixin, plain**", "/s", 0, "simplest.per_s"),
    ("acks", "safe.per_s", "acks, Huixin, safe mode", "/s", 0, "plain.per_s"),
    ("acks", "always.per_s", "acks, Huixin, plain, AOF always", "/s", 0, "plain.per_s"),
    ("acks", "bare.receiver_us", "CPU of the receiver a push, bare axum", "µs", 1, None),
    ("acks", "simplest.receiver_us", "CPU of the receiver a push, simplest", "µs", 1, None),
    ("acks", "apalis.receiver_us", "CPU of the receiver a push, apalis", "µs", 1, "simplest.receiver_us"),
    ("acks", "plain.receiver_us", "**CPU of the receiver a push, Huixin**", "µs", 1, "simplest.receiver_us"),
    ("acks", "safe.receiver_us", "CPU of the receiver a push, Huixin, safe mode", "µs", 1, "plain.receiver_us"),
    ("acks", "simplest.redis_us", "CPU of Redis a push, simplest", "µs", 1, None),
    ("acks", "apalis.redis_us", "CPU of Redis a push, apalis", "µs", 1, "simplest.redis_us"),
    ("acks", "plain.redis_us", "**CPU of Redis a push, Huixin**", "µs", 1, "simplest.redis_us"),
    ("latency", "simplest_500.p50_ms", "ack at 500/s, simplest, p50", "ms", 2, None),
    ("latency", "simplest_500.p99_ms", "ack at 500/s, simplest, p99", "ms", 2, None),
    ("latency", "huixin_500.p50_ms", "ack at 500/s, Huixin, p50", "ms", 2, "simplest_500.p50_ms"),
    ("latency", "huixin_500.p99_ms", "ack at 500/s, Huixin, p99", "ms", 2, "simplest_500.p99_ms"),
    ("latency", "simplest_2000.p50_ms", "ack at 2,000/s, simplest, p50", "ms", 2, None),
    ("latency", "simplest_2000.p99_ms", "ack at 2,000/s, simplest, p99", "ms", 2, None),
    ("latency", "huixin_2000.p50_ms", "ack at 2,000/s, Huixin, p50", "ms", 2, "simplest_2000.p50_ms"),
    ("latency", "huixin_2000.p99_ms", "**ack at 2,000/s, Huixin, p99**", "ms", 2, "simplest_2000.p99_ms"),
    ("latency", "huixin_2000.max_ms", "ack at 2,000/s, Huixin, slowest", "ms", 2, "simplest_2000.max_ms"),
    ("drain", "apalis.per_s", "drained, apalis", "/s", 0, None),
    ("drain", "huixin.per_s", "**drained, Huixin**", "/s", 0, "apalis.per_s"),
    ("drain", "apalis.worker_us", "CPU of the worker a message, apalis", "µs", 1, None),
    ("drain", "huixin.worker_us", "CPU of the worker a message, Huixin", "µs", 1, "apalis.worker_us"),
    ("drain", "apalis.redis_us", "CPU of Redis a message, apalis", "µs", 1, None),
    ("drain", "huixin.redis_us", "CPU of Redis a message, Huixin", "µs", 1, "apalis.redis_us"),
    ("light", "at_300.receiver_us", "at 300/s, two workers: CPU of the receiver a message", "µs", 0, None),
    ("light", "at_300.redis_us", "at 300/s, two workers: CPU of Redis a message", "µs", 0, None),
    ("light", "at_300.workers_us", "at 300/s, two workers: CPU of both workers a message", "µs", 0, None),
    ("light", "at_300.start_p50_ms", "at 300/s: from the push to the service's request, p50", "ms", 2, None),
    ("light", "at_300.start_p99_ms", "at 300/s: from the push to the service's request, p99", "ms", 2, None),
    ("light", "at_500.start_p50_ms", "at 500/s: from the push to the service's request, p50", "ms", 2, None),
    ("light", "at_500.start_p99_ms", "at 500/s: from the push to the service's request, p99", "ms", 2, None),
    ("slow", "at_once", "slow handlers in flight in one worker", "", 0, None),
    ("slow", "peak_mb", "its memory at most", "MB", 0, None),
    ("slow", "idle_mb", "its memory before", "MB", 0, None),
    ("slow", "longer_s", "from its start to the last answer, less the service's own time", "s", 1, None),
    ("slow", "cpu_us", "its CPU a message", "µs", 0, None),
    ("accounts", "of_1.receiver_us", "1 account: CPU of the receiver a message", "µs", 0, None),
    ("accounts", "of_1.worker_us", "1 account: CPU of the worker a message", "µs", 0, None),
    ("accounts", "of_1.redis_us", "1 account: CPU of Redis a message", "µs", 0, None),
    ("accounts", "of_100.receiver_us", "100 accounts: CPU of the receiver a message", "µs", 0, "of_1.receiver_us"),
    ("accounts", "of_100.worker_us", "100 accounts: CPU of the worker a message", "µs", 0, "of_1.worker_us"),
    ("accounts", "of_100.redis_us", "100 accounts: CPU of Redis a message", "µs", 0, "of_1.redis_us"),
    ("accounts", "of_many.receiver_us", "MANY accounts: CPU of the receiver a message", "µs", 0, "of_1.receiver_us"),
    ("accounts", "of_many.worker_us", "MANY accounts: CPU of the worker a message", "µs", 0, "of_1.worker_us"),
    ("accounts", "of_many.redis_us", "MANY accounts: CPU of Redis a message", "µs", 0, "of_1.redis_us"),
    ("backlog", "empty_redis_us", "accept, empty queue: CPU of Redis", "µs", 1, None),
    ("backlog", "full_redis_us", "accept beside BACKLOG messages: CPU of Redis", "µs", 1, "empty_redis_us"),
    ("backlog", "drained_redis_us", "a message out of that backlog: CPU of Redis", "µs", 1, None),
    ("backlog", "bytes", "Redis's memory for a waiting message of 450 B, five a user", "B", 0, None),
    ("embedded", "per_s", "embedded: acks, the worker in the same process", "/s", 0, None),
    ("embedded", "refused", "embedded: refused", "", 0, None),
    ("embedded", "p99_ms", "embedded: ack, p99", "ms", 2, None),
    ("embedded", "answered_per_s", "embedded: answered", "/s", 0, None),
    ("embedded", "cpu_us", "embedded: CPU a message", "µs", 0, None),
    ("idle", "receiver_ms_per_s", "idle receiver: CPU in a second", "ms", 2, None),
    ("idle", "worker_ms_per_s", "idle worker: CPU in a second", "ms", 2, None),
    ("idle", "redis_ms_per_s", "Redis of an idle receiver and two workers: CPU in a second", "ms", 2, None),
    ("idle", "receiver_mb", "idle receiver: memory", "MB", 1, None),
    ("idle", "worker_mb", "idle worker: memory", "MB", 1, None),
]


def lines(measured, sizes):
    """Name, middle, range and ratio of each figure that was measured."""
    for row, figure, name, unit, digits, against in FIGURES:
        values = measured.get(f"{row}.{figure}")
        if not values:
            continue
        number = lambda value, digits=digits: f"{value:,.{digits}f}"
        name = name.replace("BACKLOG", f"{sizes.backlog:,}").replace("MANY", f"{sizes.many_accounts:,}")
        middle = f"{number(statistics.median(values))} {unit}".strip()
        spread = f"{number(min(values))} – {number(max(values))}"
        others = measured.get(f"{row}.{against}") if against else None
        yield row, name, middle, spread, ratio(values, others)


def ratio(values, others):
    if not others or not statistics.median(others):
        return ""
    return f"{statistics.median(values) / statistics.median(others):.2f} ×"


def table(measured, sizes):
    """For a terminal."""
    text = []
    for _, name, middle, spread, times in lines(measured, sizes):
        text.append(f"{name.replace('*', ''):<66} {middle:>12}  {spread:>22}  {times:>8}")
    return "\n".join(text)


def about():
    """Where, with what and when it was measured."""
    ask = lambda *command: subprocess.run([str(one) for one in command], cwd=ROOT, capture_output=True, text=True,
                                          check=False).stdout.strip()
    model = [line for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory_kib = int(pathlib.Path("/proc/meminfo").read_text().split()[1])
    changed = " with changes" if ask("git", "status", "--porcelain", "--untracked-files=no") else ""
    return {
        "date": datetime.date.today().isoformat(),
        "commit": ask("git", "rev-parse", "--short", "HEAD") + changed,
        "machine": f"{os.cpu_count()} × {model[0].split(': ')[1] if model else platform.machine()}, "
                   f"{memory_kib / 2**20:.0f} GiB, {platform.system()} {platform.release()}",
        "versions": f"{ask(HUIXIN, '--version')}, Redis {ask('redis-server', '--version').split('v=')[1].split()[0]}, "
                    f"{ask('rustc', '--version').rsplit(' (', 1)[0]}",
    }


def document(result, sizes):
    """docs/benchmarks.md."""
    text = [
        "# Benchmarks", "",
        "Written by `benches/run`; don't edit it. Load, sink, Redis and what is measured share one machine, so ratios taken side",
        "by side in one run count, and absolute figures are for orientation. Each figure is the median of "
        f"{result['rounds']} rounds with its", "range; within a round the others and Huixin take turns.", "",
        f"- {result['about']['date']}, commit {result['about']['commit']}, {result['minutes']:.0f} minutes",
        f"- {result['about']['machine']}",
        f"- {result['about']['versions']}",
        f"- load average {result['load'][0]:.1f} before the run",
        "- pushes of 450 bytes on 64 kept connections, AOF `everysec` where nothing else is said, five messages a user",
        "- in each row where messages are stored, exactly those that were accepted lay in the store or were answered once", "",
    ]
    if result["yardstick"]:
        text += ["The others: *bare axum* answers an empty string; the *simplest honest receiver* is axum, signature, quick-xml",
                 "and one script call a push; *apalis* is axum with apalis-redis, which fails with a backlog of more than 8,000,",
                 f"so it drains {sizes.peer_drain:,} messages where Huixin drains {sizes.drain:,}.", ""]
    else:
        text += ["Without the others: no yardstick was given.", ""]
    text += ["| what | median | range | held against | ", "| --- | --: | --: | --: |"]
    text[-2] = text[-2].strip()
    text += [f"| {name} | {middle} | {spread} | {times} |"
             for _, name, middle, spread, times in lines(result["measured"], sizes)]
    if result["failures"]:
        text += ["", "Not measured:", ""] + [f"- {failure}" for failure in result["failures"]]
    text += ["", "The last column is the ratio to the same figure of the simplest receiver, of apalis where something is drained, of",
             "plain mode for safe mode and AOF `always`, of one account for many, and of the empty queue for the backlog.",
             "What one message costs in instructions, commands and bytes, whatever the machine does, is in",
             "[benches/budget.toml](../benches/budget.toml), and a test holds it.", ""]
    return "\n".join(text)
