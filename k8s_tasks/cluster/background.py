"""Traffic the platform makes while a session lives, each by a pod of its own.

These pods live in a namespace where the student may look and do nothing: not even a pod that is
deleted by mistake is missing. The script is in the pod's manifest, so everybody can read what is sent.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

LABEL = "redes.local/background"
IMAGE = "redes.local/toolbox:0.1.0"
_REQUESTS = "[1-1000000]"  # curl repeats the URL; a fragment is never sent
_HTTP = """\
exec curl -s -o /dev/null --max-time 3 --rate "$RATE" $CLOSE \\
  -w '%{stderr}HTTP %{http_code} from %{remote_ip} in %{time_total} s %{errormsg}\\n' \\
  "http://$TO:$PORT/${PAYLOAD#/}#$TIMES" """
_SOCKETS = """\
while :; do
  sleep "$EVERY" &
  %s
  wait
done"""
_TCP = """printf '%s\\n' "$PAYLOAD" | nc -v -N -w 2 "$TO" "$PORT" """
_UDP = """printf '%s\\n' "$PAYLOAD" > "/dev/udp/$TO/$PORT" && echo "sent to $TO port $PORT" """
_SCRIPTS = {"http": _HTTP, "tcp": _SOCKETS % _TCP, "udp": _SOCKETS % _UDP}


@dataclass(frozen=True)
class Talker:
    """A pod that sends: over `protocol` (http, tcp, udp), every so many seconds, from the node of this
    number. `to`, `port` and `payload` are templates."""

    name: str
    node: int
    protocol: str
    to: str
    port: str
    every: float
    payload: str
    keep: bool

    def filled_in(self, render: Callable[[str], str]) -> "Talker":
        return replace(self, to=render(self.to), port=render(self.port), payload=render(self.payload))


def talker_manifest(talker: Talker, *, node: str) -> dict:
    """The pod of a talker that is filled in. It starts again whatever ends it."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": talker.name, "labels": {"app": talker.name, LABEL: talker.protocol}},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "nodeSelector": {"kubernetes.io/hostname": node},
            "containers": [
                {
                    "name": "talker",
                    "image": IMAGE,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["bash", "-c", _SCRIPTS[talker.protocol]],
                    "env": [{"name": name, "value": value} for name, value in _environment(talker).items()],
                }
            ],
        },
    }


def _environment(talker: Talker) -> dict[str, str]:
    told = {"TO": talker.to, "PORT": talker.port, "PAYLOAD": talker.payload}
    # Kubernetes would take $(NAME) for a variable of the pod.
    told = {name: value.replace("$(", "$$(") for name, value in told.items()}
    if talker.protocol != "http":
        return told | {"EVERY": f"{talker.every:g}"}
    close = {} if talker.keep else {"CLOSE": "-HConnection:close"}
    return told | close | {"RATE": f"{round(3600 / talker.every)}/h", "TIMES": _REQUESTS}
