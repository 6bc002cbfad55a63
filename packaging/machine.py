"""A Debian in a folder, with systemd as its first process, in namespaces of its own: units really run there."""

import subprocess
import time
from pathlib import Path

PATIENCE = 60
# The control group is made first, so that systemd finds itself at the root of what it sees.
BOOT = """
set -e
mount --make-rprivate /
mount -t cgroup2 none "$1/mnt"
mkdir -p "$1/mnt/$2"
echo $$ > "$1/mnt/$2/cgroup.procs"
umount "$1/mnt"
exec unshare --cgroup --mount --pid --fork --kill-child --uts --ipc --net sh -c '
set -e
ip link set lo up
# A unit whose file system is protected needs a root that is a mount.
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc "$1/proc"
mount -t sysfs sysfs "$1/sys"
mount -t cgroup2 none "$1/sys/fs/cgroup"
for folder in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs "$1/$folder"; done
for device in null zero full random urandom tty; do touch "$1/dev/$device"; mount --bind "/dev/$device" "$1/dev/$device"; done
mkdir "$1/dev/shm" "$1/dev/pts"
mount -t tmpfs tmpfs "$1/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$1/dev/pts"
ln -s pts/ptmx "$1/dev/ptmx"
chmod 1777 "$1/tmp" "$1/dev/shm"
ln -s /proc/self/fd "$1/dev/fd"
pivot_root . mnt
umount -l /mnt
# Credentials are mounted by a child of systemd.
mount --make-rshared /
exec env -i container=packaging PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd
' boot "$1"
"""


def install(root, *packages):
    """A small Debian with these packages."""
    included = ",".join(["ca-certificates", *packages])
    command = ["debootstrap", "--variant=minbase", f"--include={included}", "bookworm", root]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class Machine:
    """Started; all that runs in it is killed at the end."""

    def __init__(self, root):
        command = ["unshare", "--mount", "sh", "-c", BOOT, "boot", root, f"packaging-{root.name}"]
        self.unshare = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def __enter__(self):
        self.wait_for("systemctl", "is-active", "--quiet", "multi-user.target")
        return self

    def __exit__(self, *_):
        self.unshare.kill()
        self.unshare.wait()

    def run(self, *command):
        """The exit code, and what it printed."""
        return self.within("--all", *command)

    def within(self, namespaces, *command):
        """The same of a program of this system, in the machine's namespaces."""
        children = Path(f"/proc/{self.unshare.pid}/task/{self.unshare.pid}/children").read_text().split()
        if not children:
            return 1, "systemd is not started yet"
        entered = ["nsenter", namespaces, "--target", children[0], *command]
        done = subprocess.run(entered, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def must(self, *command):
        """Runs it; it must succeed."""
        code, printed = self.run(*command)
        if code:
            journal = self.run("journalctl", "--no-pager", "--lines=50")[1]
            raise AssertionError(f"{' '.join(command)} ended with {code}: {printed}\n{journal}")
        return printed

    def wait_for(self, *command):
        """Repeats it until it succeeds."""
        deadline = time.monotonic() + PATIENCE
        while self.run(*command)[0]:
            if self.unshare.poll() is not None or time.monotonic() > deadline:
                return self.must(*command)
            time.sleep(0.1)
        return None
