"""The program of the pod: follows the cluster, plans, has nginx take the plan, tells objects how it went."""

import argparse
import datetime
import http.server
import os
import signal
import sys
import threading
import time
from functools import partial

from netlab.addons.kubeapi import ApiError, Client, Key, Reflector

from . import plan
from .drafts import Message, Options, Plan, Ref
from .http import nginx_conf
from .nginx import Nginx
from .report import NETWORKING, NGINX, Reporter
from .settings import from_configmap
from .world import World

VERSION = "0.1.0"
_GATHER_SECONDS = 0.05  # changes come in swarms: one reload for all
_BETWEEN_RELOADS = 0.3
_LEVELS = {"trace": "DIWE", "debug": "DIWE", "info": "IWE", "warning": "WE", "error": "E", "fatal": ""}
_NEEDED = {
    "ingresses": f"{NETWORKING}/ingresses",
    "classes": f"{NETWORKING}/ingressclasses",
    "services": "/api/v1/services",
    "slices": "/apis/discovery.k8s.io/v1/endpointslices",
    "secrets": "/api/v1/secrets",
}
_CUSTOM = {"transports": f"{NGINX}/transportservers", "globals": f"{NGINX}/globalconfigurations"}


class Log:
    """Lines as the original's default writer (glog) makes them."""

    def __init__(self, level: str):
        self._shown = _LEVELS[level]

    def __call__(self, letter: str, text: str) -> None:
        if letter in self._shown:
            now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d %H:%M:%S.%f")
            line = f"{letter}{now} {os.getpid():>7} nginx-ingress] {text}"
            print(line.encode("ascii", "backslashreplace").decode(), file=sys.stderr, flush=True)


class Controller:
    def __init__(self, arguments: argparse.Namespace, log: Log):
        self._options = _options(arguments)
        self._service = _pair(arguments.external_service) if arguments.report_ingress_status else None
        self._log, self._client = log, Client("nginx-ingress/netlab")
        self._world, self._nginx = World(), Nginx(log)
        self._reporter = Reporter(self._client, log)
        self._changed, self._missing = threading.Event(), set()
        self.ready = self.stopping = False

    def run(self) -> int:
        namespace, _ = self._options.configmap
        configmaps = f"/api/v1/namespaces/{namespace}/configmaps"
        for table, path in {**_NEEDED, "configmaps": configmaps}.items():
            self._missing.add(table)
            self._follow(table, path)
        for table, path in _CUSTOM.items():
            self._follow(table, path)
        while not self.stopping:
            self._changed.wait(1)
            if self._nginx.process and self._nginx.process.poll() is not None:
                self._log("E", f"NGINX has ended with {self._nginx.process.returncode}")
                return 1
            if self._changed.is_set() and not self._missing and not self.stopping:
                self._round()
        self._nginx.stop()
        return 0

    def stop(self) -> None:
        self._log("I", "Received SIGTERM, shutting down")
        self.stopping = True
        self._changed.set()

    def _follow(self, table: str, path: str) -> None:
        Reflector(
            self._client,
            path,
            partial(self._put, table),
            listed=partial(self._listed, table),
            failed=partial(self._failed, table),
        ).start()

    def _put(self, table: str, key: Key, obj: dict | None) -> None:
        objects = getattr(self._world, table)
        if obj is None:
            objects = {known: one for known, one in objects.items() if known != key}
        else:
            objects = {**objects, key: obj}
        setattr(self._world, table, objects)  # a new dict: a plan under way reads the old one
        self._log("D", f"{table} {key[0]}/{key[1]} {'is gone' if obj is None else 'is there'}")
        self._changed.set()

    def _listed(self, table: str) -> None:
        self._missing.discard(table)
        self._changed.set()

    def _failed(self, table: str, error: Exception) -> None:
        absent = isinstance(error, ApiError) and error.status == 404
        self._log("D" if absent else "W", f"cannot follow {table}: {error}")

    def _round(self) -> None:
        time.sleep(_GATHER_SECONDS)
        self._changed.clear()
        made = plan.make(self._world, self._options)
        began = time.monotonic()
        errors = self._nginx.apply(made, "\n".join(nginx_conf(from_configmap({}), "")) + "\n")
        self.ready = True
        self._tell(made, errors)
        time.sleep(max(0.0, min(_BETWEEN_RELOADS, 10 * (time.monotonic() - began))))

    def _tell(self, made: Plan, errors: dict[Ref, str]) -> None:
        for ref, reason in errors.items():
            kind, namespace, name = ref
            known = "UpdatedWithError" if kind == "ConfigMap" else "AddedOrUpdatedWithError"
            text = f"Configuration for {namespace}/{name} was added or updated but was not applied: {reason}"
            made.messages[ref] = Message(True, known, text)
        for ref, message in made.messages.items():
            obj = self._object(ref)
            if obj:
                self._reporter.tell(ref, obj, message)
                if ref[0] == "Ingress" and self._service and message.reason != "Rejected":
                    self._reporter.address(ref, obj, self._addresses())
        self._reporter.forget_others(set(made.messages))

    def _object(self, ref: Ref) -> dict | None:
        tables = {
            "Ingress": self._world.ingresses,
            "TransportServer": self._world.transports,
            "GlobalConfiguration": self._world.globals,
            "ConfigMap": self._world.configmaps,
        }
        return tables[ref[0]].get(ref[1:])

    def _addresses(self) -> list[dict]:
        service = self._world.services.get(self._service) or {}
        return ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []


def _options(arguments: argparse.Namespace) -> Options:
    return Options(
        configmap=_pair(arguments.nginx_configmaps),
        global_configuration=_pair(arguments.global_configuration),
        snippets=arguments.enable_snippets,
        default_secret=_pair(arguments.default_server_tls_secret),
    )


def _pair(text: str) -> Key:
    namespace, _, name = text.rpartition("/")
    return (namespace or os.environ.get("POD_NAMESPACE", "nginx-ingress") if name else ""), name


def _serve_readiness(controller: Controller, port: int) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            good = controller.ready and self.path == "/nginx-ready"
            self.send_response(200 if good else 503)
            self.end_headers()

        def log_message(self, *words) -> None:
            """Probes are no news."""

    server = http.server.ThreadingHTTPServer(("", port), Handler)
    threading.Thread(target=server.serve_forever, name="readiness", daemon=True).start()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nginx-ingress", allow_abbrev=False)
    for name in ("nginx-configmaps", "global-configuration", "external-service", "default-server-tls-secret"):
        parser.add_argument(f"-{name}", default="")
    parser.add_argument("-ready-status-port", type=int, default=8081)
    parser.add_argument("-log-level", choices=_LEVELS, default="info")
    parser.add_argument("-v", type=int, default=0, help="levels of former releases: 3 and above is debug")
    parser.add_argument("-version", action="version", version=f"netlab-nginx-ingress-{VERSION}")
    for name in ("report-ingress-status", "enable-snippets"):
        parser.add_argument(f"-{name}", action="store_true")
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    log = Log("debug" if arguments.v >= 3 else arguments.log_level)
    log("I", f"netlab-nginx-ingress {VERSION}: netlab's own controller of a real NGINX, which reads what")
    log("I", "F5's NGINX Ingress Controller reads")
    controller = Controller(arguments, log)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: controller.stop())
    _serve_readiness(controller, arguments.ready_status_port)
    return controller.run()
