"""How many requests the API server answered, in Prometheus' text format.

Names and labels are those of a real API server (Kubernetes' metrics reference, "stable" metrics), so
that a query written for one works on the other.
"""

from collections import Counter

from .request import Call

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_TOTAL = "apiserver_request_total"
_HELP = "Requests by verb, resource and code; a watch counts when it ends."
_HEADER = f"# HELP {_TOTAL} {_HELP}\n# TYPE {_TOTAL} counter"


class RequestMetrics:
    def __init__(self):
        self._requests: Counter[tuple[tuple[str, str], ...]] = Counter()

    def count(self, call: Call | None, method: str, code: int) -> None:
        """One more answer; `call` is None for what is no resource, such as /version."""
        verb = call.verb.upper() if call else method.upper()
        labels = {
            "code": code,
            "component": "apiserver",
            "group": "",
            "resource": "",
            "scope": "",
            "verb": verb,
        }
        if call:
            labels |= {"group": call.kind.group, "version": call.kind.version, "resource": call.kind.plural}
            labels |= {"subresource": call.subresource or "", "scope": _scope(call)}
        self._requests[tuple((name, str(value)) for name, value in sorted(labels.items()))] += 1

    def text(self) -> str:
        lines = [f"{_TOTAL}{{{_told(labels)}}} {count}" for labels, count in sorted(self._requests.items())]
        return "\n".join([_HEADER, *lines, ""])


def _scope(call: Call) -> str:
    if call.name:
        return "resource"
    return "namespace" if call.namespace else "cluster"


def _told(labels: tuple[tuple[str, str], ...]) -> str:
    # A value is a word of ours or one the HTTP parser let through as a method: none needs escaping.
    return ",".join(f'{name}="{value}"' for name, value in labels)
