#!/usr/bin/env python3
"""Looks a workstation up, as slowly as a busy database: what the route `lookup` in huixin.toml calls.

lookup.py [PORT [DELAY_SECS]], or the variables HOST, PORT and DELAY_SECS. Port 0 takes a free one.
"""
import json, os, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WORKSTATIONS = {"18-546": "车体新厂房3号", "18-547": "车体新厂房4号", "21-003": "总装一线12号", "7-1": "涂装车间1号"}

def setting(position, variable, default):
    return sys.argv[position] if len(sys.argv) > position else os.environ.get(variable, default)

class Lookup(BaseHTTPRequestHandler):
    def do_POST(self):
        try:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            code = str(message["captures"]["code"])  # what `(?<code>…)` in the route has found
        except (KeyError, TypeError, ValueError):
            return self.answer(400, "this needs JSON with captures.code")  # a 4xx is not tried again
        time.sleep(DELAY_SECS)
        place = WORKSTATIONS.get(code)
        self.answer(200, f"[{code}]的工作台位为[{place}]" if place else f"没有找到工作台位[{code}]，请检查编号。")

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text.encode())))  # so that an answer cut short is noticed
        self.end_headers()
        self.wfile.write(text.encode())

HOST, DELAY_SECS = os.environ.get("HOST", "127.0.0.1"), float(setting(2, "DELAY_SECS", "8"))
ThreadingHTTPServer.request_queue_size = 128  # the default of 5 turns away many users who ask at once
server = ThreadingHTTPServer((HOST, int(setting(1, "PORT", "9000"))), Lookup)
print(f"listening on http://{HOST}:{server.server_port}", flush=True)
server.serve_forever()
