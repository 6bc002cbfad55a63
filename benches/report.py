"""What benches/run has measured, as a table and as docs/benchmarks.md."""

import datetime
import os
import pathlib
import platform
import subprocess
from statistics import median

from figures import CURVES, FIGURES, PARTS, curve
from stack import HUIXIN, ROOT


def lines(measured):
    """Name, median, range, ratio and goal of each figure that was measured."""
    for row, figure, name, unit, digits, against, *goals in FIGURES:
        values = measured.get(f"{row}.{figure}")
        if not values:
            continue
        number = lambda value, digits=digits: f"{value:,.{digits}f}"
        middle = f"{number(median(values))} {unit}".strip()
        spread = f"{number(min(values))} – {number(max(values))}"
        others = measured.get(f"{row}.{against}") if against else None
        ratio = median(values) / median(others) if others and median(others) else None
        times = f"{ratio:.2f} ×" if ratio else ""
        yield name, middle, spread, times, "".join(verdict(goal, ratio, values, against) for goal in goals)


def verdict(goal, ratio, values, against):
    """What is to reach, and whether it was, if that could be measured."""
    value = ratio if goal.unit == "×" and against else median(values)
    return str(goal) if value is None else goal.judge(value)


def curves(measured):
    """Each row with a curve that was measured: its name, what its points are, and for each part its points and a goal."""
    for row, of, goal in CURVES:
        parts = {name: curve(measured, row, part) for part, name in PARTS.items()}
        if all(parts.values()):
            yield row, of, parts, goal


def rises(parts):
    """By how much each part costs more at the last point than at the first."""
    for name, points in parts.items():
        first, *_, last = [median(values) for _, values in sorted(points.items())]
        yield name, last / first


def table(measured):
    """For a terminal."""
    text = []
    for name, middle, spread, times, goal in lines(measured):
        text.append(f"{name.replace('*', ''):<66} {middle:>12}  {spread:>22}  {times:>8}  {goal.replace('*', '')}")
    for _, of, parts, _ in curves(measured):
        text += ["", *curve_table(of, parts)]
    return "\n".join(text)


def curve_table(of, parts):
    points = sorted(next(iter(parts.values())))
    yield f"| {of} | " + " | ".join(f"{point:,}" for point in points) + " |"
    yield "| --- |" + " --: |" * len(points)
    for name, values in parts.items():
        yield f"| {name} | " + " | ".join(f"{median(values[point]):,.0f} µs" for point in points) + " |"


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


def goals(result):
    """Every goal with what became of it: of the table, and of the curves."""
    yield from (goal for *_, goal in lines(result["measured"]) if goal)
    for _, _, parts, goal in curves(result["measured"]):
        if goal:
            yield from (goal.judge(rise) for _, rise in rises(parts))


def section(result, row, of, parts, goal):
    """A curve: its plot, what it says, and its points."""
    points = sorted(next(iter(parts.values())))
    judged = lambda rise: f" (to reach: {goal.judge(rise)})" if goal else ""
    costs = ", ".join(f"the {name} {rise:.2f} ×{judged(rise)}".replace("the Redis", "Redis") for name, rise in rises(parts))
    if not result["plots_missing"]:
        yield f"![CPU of receiver, workers and Redis for a message, over {of}](plots/{row}.svg)"
        yield ""
    yield f"From {points[0]:,} to {points[-1]:,} {of}, a message costs {costs}."
    yield ""
    yield from curve_table(of, parts)
    yield ""


def document(result, sizes):
    """docs/benchmarks.md."""
    count = lambda end: sum(end in goal for goal in goals(result))
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
        "- in each row where messages are stored, exactly those that were accepted lay in the store or were answered once",
        f"- goals reached: {count('reached')}, missed: {count('missed')}", "",
    ]
    if result["yardstick"]:
        text += ["The others: *bare axum* answers an empty string; the *simplest honest receiver* is axum, signature, quick-xml",
                 "and one script call a push; *apalis* is axum with apalis-redis, which fails with a backlog of more than 8,000,",
                 f"so it drains {sizes.peer_drain:,} messages where Huixin drains {sizes.drain:,}.", ""]
    else:
        text += ["Without the others: no yardstick was given.", ""]
    text += ["| what | median | range | held against | to reach |", "| --- | --: | --: | --: | --: |"]
    text += [f"| {' | '.join(row)} |" for row in lines(result["measured"])]
    if result["failures"]:
        text += ["", "Not measured:", ""] + [f"- {failure}" for failure in result["failures"]]
    text += ["", "\"Held against\" is the ratio to the same figure of the simplest receiver, of apalis where something is drained, of plain",
             "mode for safe mode and AOF `always`, of the empty queue for the backlog, and of the sustained rate for the overload.",
             f"The overload lasts {sizes.overload_s} s, in one round only. A push that was not acked may be stored all the same if its answer",
             "came too late, and WeChat's next try of it is a duplicate then.",
             "What one message costs in instructions, commands and bytes, whatever the machine does, is in",
             "[benches/budget.toml](../benches/budget.toml), and a test holds it.", "",
             (ROOT / "benches/findings.md").read_text()]
    text += ["## What a message costs over", "",
             f"Medians of {result['rounds_of_curves']} rounds and their range, in processor time. Each message is pushed and answered by one",
             f"send: {sizes.by_lanes:,} messages of many users, {sizes.by_lanes // 5:,} of a single one, and at least one of each. Of accounts,",
             "each has answered one message before, so that its access token is there.", ""]
    if result["plots_missing"]:
        text += [f"Without plots: {result['plots_missing']}.", ""]
    for row, of, parts, goal in curves(result["measured"]):
        text += section(result, row, of, parts, goal)
    return "\n".join(text)
