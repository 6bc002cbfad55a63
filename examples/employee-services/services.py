#!/usr/bin/env python3
"""The payslip and the weather, as slow as the systems behind them: what two routes in huixin.toml call."""
import json, os, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DELAY_SECS = float(os.environ.get("DELAY_SECS", "6"))  # WeChat waits five

def payslip(message):
    # A real one looks the user's number up by message["user"], the OpenID.
    return "您本月的工资单：\n基本工资 6000.00\n绩效奖金 1200.00\n社保公积金 -980.00\n实发 6220.00"

def weather(message):
    return {"type": "news", "title": "今日天气：晴，22～31℃", "description": "东南风2级，空气质量优。",
            "url": "https://weather.example.com/"}

SERVICES = {"/payslip": payslip, "/weather": weather}

class Services(BaseHTTPRequestHandler):
    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        service = SERVICES.get(self.path)
        if service is None:
            return self.answer(404, {"error": f"there is no {self.path}"})  # a 4xx is not tried again
        time.sleep(DELAY_SECS)
        self.answer(200, service(message))

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

ThreadingHTTPServer.request_queue_size = 128  # the default of 5 turns away many users who ask at once
server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 9000), Services)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
