"""The three kinds of files, made of one tree with `bin/` and `share/`."""

import base64
import gzip
import hashlib
import os
import platform
import shutil
import subprocess
import tarfile
import time
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUMMARY = "A queue-backed processor for WeChat Official Account messages: ack fast, reply later"
DEBIAN_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def tar(tree, version, tag, out):
    """A folder to unpack anywhere, or over /usr/local."""
    name = f"huixin-{version}-{tag.split('.')[0].replace('manylinux', 'glibc')}"
    path = out / f"{name}.tar.gz"
    with gzip.GzipFile(path, "wb", mtime=epoch(), compresslevel=6) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for file in files(tree):
            member = archive.gettarinfo(file, f"{name}/{file.relative_to(tree).as_posix()}")
            member.mtime, member.uid, member.gid, member.uname, member.gname = epoch(), 0, 0, "", ""
            member.mode = mode(file, tree)
            with file.open("rb") as content:
                archive.addfile(member, content)
    return path


def wheel(tree, version, tag, out):
    """What pip puts into an environment: the binary as a command, the rest beside it."""
    name = f"huixin-{version}"
    entries = []
    for file in files(tree):
        place = file.relative_to(tree)
        kind = f"scripts/{place.name}" if place.parts[0] == "bin" else f"data/{place.as_posix()}"
        entries.append((f"{name}.data/{kind}", file.read_bytes(), mode(file, tree)))
    documents = tree / "share/doc/huixin"
    for licence in ["LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY"]:
        entries.append((f"{name}.dist-info/licenses/{licence}", (documents / licence).read_bytes(), 0o644))
    metadata = (
        f"Metadata-Version: 2.4\nName: huixin\nVersion: {version}\nSummary: {SUMMARY}\n"
        "License-Expression: Apache-2.0 OR MIT\nRequires-Python: >=3.7\n"
        "License-File: LICENSE-APACHE\nLicense-File: LICENSE-MIT\nLicense-File: THIRD-PARTY\n"
        "Description-Content-Type: text/markdown\n\n" + (documents / "README.md").read_text(encoding="utf-8")
    )
    tags = "".join(f"Tag: py3-none-{one}\n" for one in tag.split("."))
    about = f"Wheel-Version: 1.0\nGenerator: huixin packaging\nRoot-Is-Purelib: false\n{tags}"
    entries.append((f"{name}.dist-info/METADATA", metadata.encode(), 0o644))
    entries.append((f"{name}.dist-info/WHEEL", about.encode(), 0o644))
    record = "".join(f"{place},sha256={digest(content)},{len(content)}\n" for place, content, _ in entries)
    record += f"{name}.dist-info/RECORD,,\n"
    entries.append((f"{name}.dist-info/RECORD", record.encode(), 0o644))
    path = out / f"{name}-py3-none-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for place, content, permissions in entries:
            entry = zipfile.ZipInfo(place, time.gmtime(epoch())[:6])
            entry.external_attr = (0o100000 | permissions) << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return path


def deb(tree, version, tag, out):
    """The tree below /usr, with units for systemd, a user and a configuration to start from."""
    machine = DEBIAN_MACHINES[platform.machine()]
    glibc = ".".join(tag.split("_")[1:3])
    root = out / "deb"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(tree, root / "usr")
    for file in list((root / "usr/share/man").rglob("*.1")):
        file.with_suffix(".1.gz").write_bytes(gzip.compress(file.read_bytes(), mtime=0))
        file.unlink()
    shutil.move(root / "usr/share/zsh/site-functions", root / "usr/share/zsh/vendor-completions")
    shutil.copytree(HERE / "systemd", root / "usr/lib/systemd/system")
    place(HERE / "debian/sysusers.conf", root / "usr/lib/sysusers.d/huixin.conf")
    place(HERE / "debian/huixin.toml", root / "etc/huixin/huixin.toml")
    size = sum(file.stat().st_size for file in files(root)) // 1024
    place(HERE / "debian/copyright", root / "usr/share/doc/huixin/copyright")
    for script in ["postinst", "prerm", "postrm"]:
        place(HERE / "debian" / script, root / "DEBIAN" / script)
    (root / "DEBIAN/conffiles").write_text("/etc/huixin/huixin.toml\n")
    control = (HERE / "debian/control").read_text()
    (root / "DEBIAN/control").write_text(control.format(version=version, machine=machine, size=size, glibc=glibc))
    for file in [*root.rglob("*"), root]:
        is_program = file.is_dir() or file.parent.name == "bin" or file.name in ["postinst", "prerm", "postrm"]
        file.chmod(0o755 if is_program else 0o644)
    path = out / f"huixin_{version}_{machine}.deb"
    # Every Debian reads xz; what Ubuntu's dpkg-deb chooses by itself, old ones don't.
    compressor = {"DPKG_DEB_COMPRESSOR_TYPE": "xz", **os.environ}
    command = ["dpkg-deb", "--root-owner-group", "--build", root, path]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=compressor)
    shutil.rmtree(root)
    return path


def files(tree):
    return sorted(path for path in tree.rglob("*") if path.is_file())


def mode(file, tree):
    return 0o755 if file.relative_to(tree).parts[0] == "bin" else 0o644


def place(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def epoch():
    """The second that everything is of; a zip knows none before 1980."""
    return max(int(os.environ["SOURCE_DATE_EPOCH"]), 315532800)
