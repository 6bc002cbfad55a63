#!/usr/bin/env python3
"""Takes a message at once, works on it for as long as it takes, and posts the answer to where the message said."""
import json, os, queue, sys, threading, time, urllib.error, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DELAY_SECS = float(os.environ.get("DELAY_SECS", "8"))
jobs = queue.Queue(maxsize=1000)

class Service(BaseHTTPRequestHandler):
    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            jobs.put_nowait(message)
            self.send_response(202)  # the answer comes later
        except queue.Full:
            self.send_response(503)  # Huixin asks again
        self.send_header("Content-Length", "0")
        self.end_headers()

def work():
    while True:
        message = jobs.get()
        time.sleep(DELAY_SECS)
        asked = (message["memory"] or {"asked": 0})["asked"] + 1
        post(message["callback_url"], {
            "replies": [f"第{asked}份报告：{message['content']}", "谢谢等待！"],
            "memory": {"asked": asked},  # comes with this user's next message
        })

def post(url, answer):
    """Until it is taken: the store may be away for a while (503), and so may the way to it."""
    request = urllib.request.Request(url, json.dumps(answer).encode(), {"Content-Type": "application/json"})
    for pause in (1, 2, 4, 8, 16):
        try:
            return urllib.request.urlopen(request, timeout=30).close()
        except urllib.error.HTTPError as error:
            if error.code != 503:  # 409: it has an answer already; 410: too late; 422: the answer is wrong
                return print(f"the answer is refused: {error.code} {error.read().decode()}", flush=True)
        except OSError as error:
            print(f"nobody takes the answer yet: {error}", flush=True)
        time.sleep(pause)

for _ in range(8):
    threading.Thread(target=work, daemon=True).start()
ThreadingHTTPServer.request_queue_size = 128  # the default of 5 turns away many users who ask at once
server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 9000), Service)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
