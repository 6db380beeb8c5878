"""A registry of one image on this machine's loopback, as the OCI distribution specification has it."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.netlab.ociworlds import oci_image


class Registry:
    """While its `with` lasts it gives out the image `name`; `manifests_given` counts how often,
    `passwords` are
    those it was shown; one that `asks` for a password takes none."""

    def __init__(self, repository: str, tag: str, layers: list[bytes], *, asks: bool = False, **config):
        manifest, self._blobs = oci_image(layers, **config)
        self._kinds = {manifest["digest"]: manifest["mediaType"]}
        self._paths = {f"/v2/{repository}/manifests/{tag}": manifest["digest"]}
        self._paths |= {f"/v2/{repository}/manifests/{manifest['digest']}": manifest["digest"]}
        self._paths |= {f"/v2/{repository}/blobs/{digest}": digest for digest in self._blobs}
        self.manifests_given, self._asks = 0, asks
        self.passwords: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.name = f"localhost:{self._server.server_port}/{repository}:{tag}"

    def __enter__(self) -> "Registry":
        threading.Thread(target=self._server.serve_forever).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, path: str) -> tuple[int, str, bytes]:
        if self._asks:
            return 401, "application/json", b'{"errors": [{"code": "UNAUTHORIZED"}]}'
        if path == "/v2/":
            return 200, "application/json", b"{}"
        digest = self._paths.get(path)
        if digest is None:
            return 404, "application/json", b'{"errors": [{"code": "NAME_UNKNOWN"}]}'
        self.manifests_given += digest in self._kinds
        return 200, self._kinds.get(digest, "application/octet-stream"), self._blobs[digest]

    def _handler(self):
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                registry.passwords += self.headers.get_all("Authorization", [])
                status, kind, body = registry._answer(self.path)
                self.send_response(status)
                if status == 401:
                    self.send_header("WWW-Authenticate", 'Basic realm="tests"')
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler
