"""The curves of benches/run: what a message costs over its size, and over the number of lanes, accounts and workers. Each
message is answered by one send, while others come in."""

from rows import Used
from stack import Failed, Stack


def lanes(sizes, _):
    """The messages of many users at once, or of few, each of whom gets one answer after the other."""
    # Of a single lane fewer, since nothing runs side by side there; and at least one of each.
    count = lambda number: max(min(sizes.by_lanes, number * sizes.by_lanes // 5), number)
    return over(sizes.lanes, lambda number: Stack(), lambda stack, number: answered_us(stack, count(number), number))


def payload(sizes, _):
    """Texts of more bytes. The answer repeats only their beginning, so that it is one message."""
    return over(sizes.bodies, lambda size: Stack(route='reply = "echo {{ content[:60] }}"'),
                lambda stack, size: answered_us(stack, sizes.by_bodies, sizes.by_bodies // 5, body_bytes=size))


def accounts(sizes, _):
    """The same load over more accounts. Each has answered once before, so that its access token is there: that is fetched once
    in two hours, and not for every message."""
    return over(sizes.accounts, lambda number: Stack(accounts=number),
                lambda stack, number: answered_us(stack, sizes.by_accounts, sizes.by_accounts, before=number))


def workers(sizes, _):
    """A steady load, and more workers than it needs."""
    return over(sizes.workers, lambda number: Stack(), lambda stack, number: answered_us(
        stack, sizes.by_workers, sizes.by_workers // 5, workers=number, rate=500))


def over(points, stack_of, measure):
    """What is measured at each point, on a stack of its own."""
    figures = {}
    for point in points:
        with stack_of(point) as stack:
            figures |= {f"of_{point}.{part}": value for part, value in measure(stack, point).items()}
    return figures


def answered_us(stack, count, users, workers=1, before=0, **manner):
    """What each of so many messages costs the receiver, the workers and Redis, after some others."""
    receiver, several = stack.huixin("receiver"), [stack.huixin("worker") for _ in range(workers)]
    if before:
        stack.push(before, users=before)
        stack.wait_for_sends(before, patience_s=120)
    used = Used(receiver=receiver, redis=stack.redis, **{f"worker_{n}": worker for n, worker in enumerate(several)})
    outcome = stack.push(count, users=users, **manner)
    if outcome["refused"]:
        raise Failed(f"some pushes were refused: {outcome['statuses']}")
    stack.wait_for_sends(before + count, patience_s=120)
    each_us = used.each_us(count)
    return {"receiver_us": each_us["receiver_us"], "redis_us": each_us["redis_us"],
            "worker_us": sum(each_us[f"worker_{n}_us"] for n in range(workers))}


CURVES = {row.__name__: row for row in (lanes, payload, accounts, workers)}
