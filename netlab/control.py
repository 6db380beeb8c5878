"""The owner's end of the socket that `nodes.py` serves. The command line imports it: no package is needed."""

import json
import socket
from pathlib import Path

from netlab.faults import Refused

SOCKET = "control"
_ANSWER_SECONDS = 30


def ask(state_dir: Path, act: str, names: list[str]) -> dict:
    """From the host: have it done. Raises Refused, OSError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
        control.settimeout(_ANSWER_SECONDS)
        control.connect(str(state_dir / SOCKET))
        control.sendall(json.dumps({"act": act, "nodes": names}).encode() + b"\n")
        answer = json.loads(control.makefile().readline())
    if "error" in answer:
        raise Refused(answer["error"])
    return answer
