"""What the ingress controller writes into the cluster, seen at its client."""

import queue

from netlab.addons.ingress.report import Reporter

ADDRESSES = [{"ip": "172.18.255.200"}]


class Client:
    """Keeps what is sent."""

    def __init__(self):
        self.sent: queue.Queue = queue.Queue()

    def send(self, method, path, body, kind):
        self.sent.put((method, path))
        return self

    def read(self) -> bytes:
        return b""


def ingress(uid: str) -> tuple[tuple[str, str, str], dict]:
    return ("Ingress", "shop", "web"), {"metadata": {"name": "web", "namespace": "shop", "uid": uid}}


def test_an_address_is_written_once_for_each_ingress_and_forgotten_with_it():
    client = Client()
    reporter = Reporter(client, lambda level, text: None)
    for uid in ("1", "1", "2"):  # the third has been made anew under its name
        reporter.address(*ingress(uid), ADDRESSES)
    path = "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web/status"
    assert [client.sent.get(timeout=10) for _ in range(2)] == [("PATCH", path)] * 2
    assert client.sent.empty() and len(reporter._addresses) == 1
    reporter.forget_others(set())
    assert reporter._addresses == {}
