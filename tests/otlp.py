"""A collector of OpenTelemetry traces: OTLP over HTTP on the loopback interface, kept in memory."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


class Collector:
    """`endpoint` is what OTEL_EXPORTER_OTLP_ENDPOINT takes; `wait_for` looks at all spans that came."""

    def __enter__(self):
        self.spans: list = []
        self._came = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error):
        self._server.shutdown()
        self._server.server_close()

    def wait_for(self, found, seconds: float = 20):
        """What `found(spans)` gives once it is true; spans are (service, span)."""
        with self._came:
            return self._came.wait_for(lambda: found(self.spans), seconds) or found(self.spans)

    def take(self, body: bytes) -> None:
        sent = ExportTraceServiceRequest.FromString(body)
        with self._came:
            for each in sent.resource_spans:
                service = next(
                    a.value.string_value for a in each.resource.attributes if a.key == "service.name"
                )
                self.spans += [(service, span) for scope in each.scope_spans for span in scope.spans]
            self._came.notify_all()

    def _handler(collector):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                collector.take(self.rfile.read(int(self.headers["Content-Length"])))
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_words):
                pass

        return Handler
