"""Real processes for benches/run: they are started, asked what they have used, and stopped whatever happens."""

import atexit
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

PATIENCE_S = 60
PUSH_TIMEOUT_S = 120
ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
# Where the command and the load are, if they are built already.
BUILT = os.environ.get("BENCH_BINARIES")
HUIXIN, LOAD = [pathlib.Path(BUILT or TARGET / "release").resolve() / name for name in ("huixin", "load")]
TOKEN = "token"
APP_ID = "wx0000000000000001"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


# The numbers of all messages that lie in a list, or in the record of a lane where one is running; nine digits each.
ALL_NUMBERS = """local found, read = {}, {
  list = function(key) return redis.call('LRANGE', key, 0, -1) end,
  hash = function(key) return redis.call('HVALS', key) end,
}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local all = read[redis.call('TYPE', key).ok]
  for _, message in ipairs(all and all(key) or {}) do
    found[#found + 1] = message:match('#(%d%d%d%d%d%d%d%d%d) @')
  end
end
return table.concat(found)"""


class Failed(Exception):
    """A row could not be measured, or what it measured was wrong."""


def raise_open_files():
    """Ten thousand handlers need as many sockets, here and in what is started from here."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def until(what, ask, patience_s=PATIENCE_S, pause_s=0.02):
    """Asks until the answer is true, and gives it."""
    deadline = time.monotonic() + patience_s
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise Failed(f"after {patience_s} s it is not so: {what}")
        time.sleep(pause_s)
    return answer


def listens(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A child process, and what the kernel knows of it."""

    def __init__(self, arguments, folder, **variables):
        self.log = pathlib.Path(folder) / f"{pathlib.Path(arguments[0]).name}-{time.monotonic_ns()}.log"
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen(
                [str(one) for one in arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=os.environ | {"NO_COLOR": "1"} | {name: str(value) for name, value in variables.items()})

    def cpu_us(self):
        """Of all its threads, to the nanosecond; `stat` counts hundredths of a second."""
        used_ns = 0
        for task in pathlib.Path(f"/proc/{self.child.pid}/task").iterdir():
            used_ns += int((task / "schedstat").read_text().split()[0])
        return used_ns / 1000

    def memory_mb(self, which="VmRSS"):
        status = pathlib.Path(f"/proc/{self.child.pid}/status").read_text()
        return int(status.split(which + ":")[1].split()[0]) * 1024 / 1e6

    def metric(self, name):
        """A metric without labels, of a role."""
        with urllib.request.urlopen(self.url + "metrics", timeout=PATIENCE_S) as answer:
            return float(answer.read().decode().split(f"\n{name} ")[1].split()[0])

    def stop(self, sign=signal.SIGTERM):
        if self.child.poll() is None:
            self.child.send_signal(sign)
        try:
            return self.child.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            raise Failed(f"{self.child.args[0]} doesn't stop") from None

    def end(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()


class Stack:
    """A folder with a sink, perhaps a Redis, and whatever a row starts. Used with `with`: all of it ends."""

    def __init__(self, fsync="everysec", accounts=1, route='reply = "echo {{ content }}"', queue=None):
        self.folder = tempfile.mkdtemp(prefix="huixin-bench-")
        self.started, self.redis, self.laid = [], None, 0
        # The numbers of all pushes that were answered 200, as bits.
        self.acked = 0
        atexit.register(self.end)
        self.sink_port = free_port()
        self.sink = self.start([LOAD, "sink", f"127.0.0.1:{self.sink_port}"])
        until("the sink listens", lambda: listens(self.sink_port))
        if queue is None:
            self.redis_port = free_port()
            self.redis = self.start([
                "redis-server", "--port", self.redis_port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes",
                "--appendfsync", fsync, "--auto-aof-rewrite-percentage", "0"])
            until("Redis answers", lambda: listens(self.redis_port) and self.ask_redis("PING") == "PONG")
            queue = f"redis://127.0.0.1:{self.redis_port}/0"
        self.port, self.accounts = free_port(), accounts
        self.write_config(queue, route)

    def write_config(self, queue, route):
        account = (f'app_id = "{APP_ID}"\napp_secret = "secret"\ntoken = "{TOKEN}"\naes_key = "{AES_KEY}"\n'
                   f'accept_plain = true\napi_base = "http://127.0.0.1:{self.sink_port}"\n')
        route = route.replace("SINK", f"http://127.0.0.1:{self.sink_port}")
        config = (f'[queue]\nurl = "{queue}"\n[receiver]\nlisten = "127.0.0.1:{self.port}"\n'
                  '[admin]\nlisten = "127.0.0.1:0"\n'
                  + "".join(f"[account.a{n}]\n{account}" for n in range(self.accounts))
                  + f'[[route]]\nname = "bench"\n{route}\n')
        (pathlib.Path(self.folder) / "huixin.toml").write_text(config)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        for process in reversed(self.started):
            process.end()
        shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.end)

    def start(self, arguments, **variables):
        process = Process(arguments, self.folder, **variables)
        self.started.append(process)
        return process

    def huixin(self, role, **variables):
        """Starts a role and waits until it is ready."""
        process = self.start([HUIXIN, role, "--config", "huixin.toml"], **variables)
        mark = "health and metrics are served url="
        log = until(f"the {role} has started", lambda: mark in (text := process.log.read_text()) and text)
        process.url = log.split(mark)[1].split()[0]
        until(f"the {role} is ready", lambda: answers(process.url + "readyz"))
        return process

    def push(self, count, path="/wechat/a{}", users=None, sealed=False, rate=None, connections=64, body_bytes=450):
        """Pushes, and gives what came of it; every push has another number."""
        acked = pathlib.Path(self.folder) / "acked"
        arguments = [LOAD, "push", f"127.0.0.1:{self.port}", "--path", path, "--count", count,
                     "--accounts", self.accounts, "--users", users or max(count // 5, 1), "--first", self.laid,
                     "--token", TOKEN, "--connections", connections, "--body-bytes", body_bytes, "--acked", acked]
        arguments += ["--aes-key", AES_KEY, "--app-id", APP_ID] if sealed else []
        arguments += ["--rate", rate] if rate else []
        self.laid += count
        done = subprocess.run([str(one) for one in arguments], capture_output=True, text=True, timeout=PUSH_TIMEOUT_S, check=False)
        if done.returncode != 0:
            raise Failed(f"the load has failed: {done.stderr.strip()}")
        self.acked |= bits_of(acked.read_bytes())
        outcome = json.loads(done.stdout)
        outcome["accepted"] = outcome["statuses"].get("200", 0)
        outcome["refused"] = count - outcome["accepted"]
        return outcome

    def counts(self):
        """What the sink got."""
        return json.loads(self.ask_sink("counts"))

    def answered(self):
        """The numbers of the messages that the sink got, as bits."""
        return bits_of(self.ask_sink("numbers"))

    def ask_sink(self, what):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.sink_port}/{what}", timeout=PATIENCE_S) as answer:
            return answer.read()

    def waiting(self):
        """The numbers of the messages that lie in Redis, as bits. Nothing else may run in it."""
        digits, bits = self.ask_redis("EVAL", ALL_NUMBERS, 0), bytearray(self.laid // 8 + 1)
        for at in range(0, len(digits), 9):
            number = int(digits[at:at + 9])
            bits[number // 8] |= 1 << number % 8
        return bits_of(bits)

    def wait_for_sends(self, count, patience_s=PATIENCE_S, unsure=0):
        """Waits until so many messages are answered: each, and once. A refused push may be stored all the same, and is unsure."""
        until(f"{count} messages are answered", lambda: self.counts()["distinct"] >= count, patience_s)
        counts = self.counts()
        if counts["sent"] != counts["distinct"] or not count <= counts["distinct"] <= count + unsure:
            raise Failed(f"of {count} messages {counts['distinct']} are answered, by {counts['sent']} sends")
        return counts

    def open(self):
        """How many messages are in the queue, as it says itself."""
        told = subprocess.run([HUIXIN, "status", "--json", "--config", "huixin.toml"], cwd=self.folder,
                              capture_output=True, text=True, timeout=PATIENCE_S, check=True)
        status = json.loads(told.stdout)
        return sum(status["open"].values()) + status["dead"]

    def ask_redis(self, *words):
        """One command, and its answer as a text or a number."""
        with socket.create_connection(("127.0.0.1", self.redis_port), timeout=PATIENCE_S) as one:
            wire = f"*{len(words)}\r\n" + "".join(f"${len(str(word).encode())}\r\n{word}\r\n" for word in words)
            one.sendall(wire.encode())
            with one.makefile("rb") as answers_of:
                first = answers_of.readline().decode().strip()
                if first.startswith("$"):
                    return answers_of.read(int(first[1:])).decode()
        if first.startswith("-"):
            raise Failed(f"Redis says {first}")
        return int(first[1:]) if first.startswith(":") else first[1:]

    def redis_memory_bytes(self):
        time.sleep(0.5)  # Tables that have grown are moved bit by bit.
        return int(self.ask_redis("INFO", "memory").split("used_memory:")[1].split()[0])


def bits_of(data):
    return int.from_bytes(data, "little")


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
