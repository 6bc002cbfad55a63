"""The licences of the crates that are linked into the binary, which ask to be kept with it."""

import json
import os
import subprocess
from pathlib import Path

NAMES = ("LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE")


def text(root):
    """A list of the crates, then each different text once, with the names of those that have it."""
    listed, texts = [], {}
    for package in linked(root):
        name = f"{package['name']} {package['version']}"
        listed.append(f"{name}: {package['license'] or package['license_file']}")
        for file in sorted(Path(package["manifest_path"]).parent.iterdir()):
            if file.is_file() and file.name.upper().startswith(NAMES):
                texts.setdefault(file.read_text(encoding="utf-8", errors="replace").strip(), []).append(name)
    parts = ["Huixin's binary contains these crates:\n\n" + "\n".join(listed)]
    parts += [f"{', '.join(names)}:\n\n{licence}" for licence, names in texts.items()]
    return ("\n\n" + "-" * 80 + "\n\n").join(parts) + "\n"


def linked(root):
    """The crates of others that the command is built of, for this system, without what only tests and builds use."""
    cargo = os.environ.get("CARGO", "cargo")
    host = subprocess.check_output(["rustc", "-vV"], text=True).split("host: ")[1].split()[0]
    command = [cargo, "metadata", "--format-version=1", "--locked", f"--filter-platform={host}"]
    metadata = json.loads(subprocess.check_output(command, cwd=root))
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    packages = {package["id"]: package for package in metadata["packages"]}
    found, waiting = set(), [metadata["resolve"]["root"]]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        for dependency in nodes[one]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])
    chosen = [packages[one] for one in found if packages[one]["source"]]
    return sorted(chosen, key=lambda package: (package["name"], package["version"]))
