"""Traces reach a collector, with the request's parts as spans and the caller's trace continued."""

from __future__ import annotations

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

# In a process of its own: OpenTelemetry's provider can be set only once.
SCRIPT = """
import sys
from reward_server.telemetry.tracing import configure_tracing
flush = configure_tracing(sys.argv[1])
from tests.serving import serving
with serving() as server:
    server.score(headers={"traceparent": "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"})
flush()
"""


def test_a_collector_gets_the_spans_of_a_request() -> None:
    received: list[ExportTraceServiceRequest] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    collector = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{collector.server_port}/v1/traces"
        subprocess.run([sys.executable, "-c", SCRIPT, address], check=True, timeout=60)
    finally:
        collector.shutdown()
        collector.server_close()
    spans = [
        span
        for request in received
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
        if span.trace_id.hex() == "0123456789abcdef0123456789abcdef"
    ]
    assert {span.name for span in spans} == {"POST /score", "decode", "engine"}
    (outer,) = (span for span in spans if span.name == "POST /score")
    assert outer.parent_span_id.hex() == "0123456789abcdef"
    assert {span.parent_span_id for span in spans if span is not outer} == {outer.span_id}
    attributes = {item.key: item.value for item in outer.attributes}
    assert attributes["http.response.status_code"].int_value == 200
