"""Says something as a user of a pretend WeChat and waits for the answer: `python3 packaging/chat.py PAGE USER TEXT`."""

import json
import sys
import time
import urllib.request

PATIENCE = 60


def answer(page, user, text):
    """All that the user has been sent, as JSON, once there is something."""
    said = json.dumps({"kind": "text", "content": text, "user": user}).encode()
    request = urllib.request.Request(f"{page}/sandbox/push", said, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as accepted:
        assert accepted.status == 202, accepted.status
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{page}/sandbox/transcript?limit=1000", timeout=PATIENCE) as transcript:
            entries = json.load(transcript)["entries"]
        sent = [entry for entry in entries if entry["what"] == "sent" and entry["user"] == user]
        if sent:
            return json.dumps(sent, ensure_ascii=False)
        time.sleep(0.02)
    raise AssertionError(f"{user} has no answer: {entries}")


if __name__ == "__main__":
    print(answer(*sys.argv[1:]))
