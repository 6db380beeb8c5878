"""Run inside the image `nginx-ingress`, in a network of its own: the controller's plans under a real nginx.

Backends answer with their address on 127.0.1.N:8080; clients come from 127.0.0.1 to ports 80 and 443. Each
function is one trial; what it returns is printed as JSON for the test that ordered it.
"""

import http.client
import http.server
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from netlab.addons.ingress import plan
from netlab.addons.ingress.drafts import Options
from netlab.addons.ingress.http import nginx_conf
from netlab.addons.ingress.nginx import Nginx
from netlab.addons.ingress.settings import from_configmap
from netlab.addons.ingress.world import World
from tests.netlab.addons.ingress_worlds import SHOP, endpoint_slice, ingress, rule, secret, service, world

_SLOW = "127.0.1.1"


class Backend(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    slow_seconds = 0.0

    def do_GET(self) -> None:
        address = self.connection.getsockname()[0]
        if address == _SLOW and self.slow_seconds:
            time.sleep(self.slow_seconds)
        body = f"{address} {self.path} {self.headers.get('X-Forwarded-For')}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words) -> None:
        """Quiet."""


def addresses(count: int) -> list[str]:
    return [f"127.0.1.{number}" for number in range(1, count + 1)]


def serve(*hosts: str) -> list[http.server.ThreadingHTTPServer]:
    servers = [http.server.ThreadingHTTPServer((host, 8080), Backend) for host in hosts]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    return servers


class Lab:
    """An nginx under the controller's plans."""

    def __init__(self, there: World, *, snippets: bool = False):
        self.world, self._options = there, Options(snippets=snippets)
        self.nginx = Nginx(lambda *_: None)
        self.errors = self.apply()

    def apply(self) -> dict:
        made = plan.make(self.world, self._options)
        plain = "\n".join(nginx_conf(from_configmap({}), "")) + "\n"
        if _single_id():
            plain = plain.replace("user nobody nogroup;", "user root root;")
            made.files["nginx.conf"] = made.files["nginx.conf"].replace(
                "user nobody nogroup;", "user root root;"
            )
        self.errors = self.nginx.apply(made, plain)
        return self.errors

    def get(self, path: str = "/", host: str = "cafe.test", headers: dict | None = None):
        connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=10)
        connection.request("GET", path, headers={"Host": host, **(headers or {})})
        answer = connection.getresponse()
        answer.text = answer.read().decode()
        connection.close()
        return answer

    def who(self, *words, **options) -> str:
        return self.get(*words, **options).text.split()[0]


def _single_id() -> bool:
    return (
        len(Path("/proc/self/uid_map").read_text().split()) == 3
        and Path("/proc/self/uid_map").read_text().split()[2] == "1"
    )


def cafe(count: int, configmap: dict | None = None, **annotations) -> World:
    dashed = {key.replace("_", "-"): value for key, value in annotations.items()}
    there = world(ingress("cafe", rule("cafe.test", tea="/"), annotations=dashed), configmap=configmap)
    scale(there, count)
    return there


def scale(there: World, count: int) -> None:
    there.slices[SHOP, "tea-x"] = endpoint_slice("tea", *addresses(count))


def round_robin() -> dict:
    """Shares of 30 requests over three, from as many connections."""
    serve(*addresses(3))
    lab = Lab(cafe(3, lb_method="round_robin"))
    return Counter(lab.who() for _ in range(30))


def least_conn() -> dict:
    """How many of 40 requests, four at a time, go to the replica that takes 300 ms each."""
    serve(*addresses(3))
    Backend.slow_seconds = 0.3
    lab, found = Lab(cafe(3, lb_method="least_conn")), Counter()

    def client() -> None:
        for _ in range(10):
            found[lab.who()] += 1

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"slow": found[_SLOW], "all": found.total()}


def ip_hash() -> dict:
    """Clients named by X-Forwarded-For: one network keeps its replica, many networks reach all."""
    serve(*addresses(3))
    configmap = {"set-real-ip-from": "127.0.0.0/8", "real-ip-header": "X-Forwarded-For"}
    lab = Lab(cafe(3, configmap, lb_method="ip_hash"))

    def ask(client: str) -> str:
        return lab.who(headers={"X-Forwarded-For": client})

    one_network = {ask(f"10.1.1.{number}") for number in range(1, 21)}
    networks = Counter(ask(f"10.1.{number}.7") for number in range(60))
    return {"one network": len(one_network), "replicas": len(networks), "least": min(networks.values())}


def consistent_hash() -> dict:
    """Of 300 keys, how many change their replica when a fourth joins three, by each way of hashing."""
    serve(*addresses(4))
    return {kind: _moved(f"hash $arg_key{kind}") for kind in (" consistent", "")}


def _moved(method: str) -> int:
    there = cafe(3, lb_method=method)
    lab = Lab(there)
    before = _owners(lab)
    scale(there, 4)
    lab.apply()
    after = _owners(lab)
    lab.nginx.stop()
    return sum(old != new for old, new in zip(before, after, strict=True))


def _owners(lab: Lab) -> list[str]:
    """Of 300 keys, once two rounds agree: for a moment the workers of before a reload answer too."""
    found: list[str] = []
    again = [lab.who(f"/?key={number}") for number in range(300)]
    while found != again:
        found, again = again, [lab.who(f"/?key={number}") for number in range(300)]
    return found


def sticky() -> dict:
    """A client with the cookie stays, without it is spread; its server's end moves it, with a new cookie."""
    serve("127.0.1.2", "127.0.1.3")
    (first,) = serve("127.0.1.1")
    there = cafe(
        3, lb_method="round_robin", sticky_cookie_services="serviceName=tea srv_id expires=1h path=/"
    )
    lab = Lab(there)
    while (answer := lab.get()).text.split()[0] != "127.0.1.1":
        pass
    given = answer.headers["Set-Cookie"]
    cookie = {"Cookie": given.split(";")[0]}
    stays = {lab.who(headers=cookie) for _ in range(20)}
    again = lab.get(headers=cookie).headers["Set-Cookie"]
    spread = len({lab.who() for _ in range(20)})
    first.shutdown()
    first.server_close()
    moved = lab.get(headers=cookie)
    return {
        "attributes": given.partition(";")[2].strip(),
        "stays": sorted(stays),
        "again": again,
        "spread": spread,
        "moved": moved.status == 200 and not moved.text.startswith("127.0.1.1 "),
        "new cookie": bool(moved.headers["Set-Cookie"]) and moved.headers["Set-Cookie"] != given,
    }


def bad_directive() -> dict:
    """One Ingress that nginx cannot read: new, it is left out; changed, its last good text stays."""
    serve(*addresses(1))
    there = cafe(1)
    lab = Lab(there)
    bad = ingress("bad", rule("bad.test", tea="/"), annotations={"server-snippets": "nonsense on;"})
    there.ingresses[SHOP, "bad"] = bad
    lab._options = Options(snippets=True)
    first = {name: reason for (_, _, name), reason in lab.apply().items()}
    up = (lab.get().status, lab.get(host="bad.test").status)
    bad["metadata"]["annotations"]["nginx.org/server-snippets"] = 'add_header X-Good "1" always;'
    mended = (lab.apply(), lab.get(host="bad.test").headers["X-Good"])
    bad["metadata"]["annotations"]["nginx.org/server-snippets"] = "location / { return 418; }"
    second = [name for _, _, name in lab.apply()]
    return {
        "first": first,
        "up": up,
        "mended": mended,
        "second": second,
        "kept": lab.get(host="bad.test").headers["X-Good"],
    }


def rewrites() -> dict:
    """What the backend is asked for, plain and behind a sticky cookie."""
    serve(*addresses(1))
    found = {}
    for extra in ({}, {"sticky_cookie_services": "serviceName=tea id"}):
        there = cafe(1, rewrites="serviceName=tea rewrite=/beans/", **extra)
        there.ingresses[SHOP, "cafe"]["spec"]["rules"] = [rule("cafe.test", tea="/tea/")]
        lab = Lab(there)
        found["sticky" if extra else "plain"] = lab.get("/tea/green?x=1").text.split()[1]
        lab.nginx.stop()
    return found


def tls() -> dict:
    """Which certificate a client sees by the name it asks for; no secret or unknown name: no handshake."""
    serve(*addresses(1))
    there = cafe(1)
    tls = [{"hosts": ["cafe.test"], "secretName": "cafe"}, {"hosts": ["bar.test"], "secretName": "absent"}]
    rules = [rule("cafe.test", tea="/"), rule("bar.test", tea="/")]
    there.ingresses[SHOP, "cafe"] = ingress("cafe", *rules, tls=tls)
    chain, key = Path(sys.argv[2]).read_bytes(), Path(sys.argv[3]).read_bytes()
    there.secrets[SHOP, "cafe"] = secret("cafe", "kubernetes.io/tls", tls_crt=chain, tls_key=key)
    lab = Lab(there)
    seen = {name: _handshake(name) for name in ("cafe.test", "bar.test", "other.test")}
    return {**seen, "redirect": lab.get().headers["Location"], "unknown": lab.get(host="x.test").status}


def _handshake(name: str) -> str:
    context = ssl.create_default_context(cafile=sys.argv[2])
    try:
        plain = socket.create_connection(("127.0.0.1", 443), timeout=5)
        with context.wrap_socket(plain, server_hostname=name) as wrapped:
            return dict(part[0] for part in wrapped.getpeercert()["subject"])["commonName"]
    except ssl.SSLError as error:
        return error.reason


def transport() -> dict:
    """Bytes through TCP and UDP listeners, counted by replica."""
    there, hosts = world(), addresses(2)
    there.services[SHOP, "tea"] = service("tea")
    scale(there, 2)
    for kind in ("TCP", "UDP"):
        for host in hosts:
            threading.Thread(target=_echo, args=(kind, host), daemon=True).start()
    listeners = [{"name": kind.lower(), "port": 9000, "protocol": kind} for kind in ("TCP", "UDP")]
    there.globals["nginx-ingress", "nginx-configuration"] = {"spec": {"listeners": listeners}}
    for kind in ("TCP", "UDP"):
        upstream = {"name": "tea", "service": "tea", "port": 80, "loadBalancingMethod": "round_robin"}
        there.transports[SHOP, kind.lower()] = {
            "metadata": {"name": kind.lower(), "namespace": SHOP},
            "spec": {
                "listener": {"name": kind.lower(), "protocol": kind},
                "upstreams": [upstream],
                "action": {"pass": "tea"},
            },
        }
    lab = Lab(there)
    assert not lab.errors, lab.errors
    return {kind: Counter(_ask(kind) for _ in range(10)) for kind in ("TCP", "UDP")}


def _echo(kind: str, host: str) -> None:
    if kind == "UDP":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind((host, 8080))
            while True:
                _, client = one.recvfrom(100)
                one.sendto(host.encode(), client)
    with socket.create_server((host, 8080)) as listening:
        while True:
            connection, _ = listening.accept()
            connection.sendall(host.encode())
            connection.close()


def _ask(kind: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "UDP" else socket.SOCK_STREAM) as one:
        one.settimeout(5)
        one.connect(("127.0.0.1", 9000))
        if kind == "UDP":
            one.send(b"?")
        return one.recv(100).decode()


def reload_under_load() -> dict:
    """Twenty changes of the endpoints while four clients ask without a pause: not one request is lost."""
    serve(*addresses(3))
    there = cafe(3)
    lab, found, over = Lab(there), Counter(), threading.Event()

    def client() -> None:
        while not over.is_set():
            found[lab.get().status] += 1

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        scale(there, 2 + number % 2)
        lab.apply()
    over.set()
    for thread in threads:
        thread.join()
    return {"statuses": sorted(found), "enough": found.total() > 200}


def dump() -> dict:
    """`nginx -T` prints every file."""
    lab = Lab(cafe(1))
    lab.get()
    done = subprocess.run(["/usr/sbin/nginx", "-T"], capture_output=True, text=True)
    return {"code": done.returncode, "files": done.stdout.count("# configuration file /etc/nginx/conf.d/")}


if __name__ == "__main__":
    result = globals()[sys.argv[1]]()
    # One write: nginx prints its access log to the same pipe, and must not land inside this line.
    sys.stdout.write(f"RESULT {json.dumps(result)}\n")
    sys.stdout.flush()
    import os

    os._exit(0)  # nginx and the backends' threads end with the namespace
