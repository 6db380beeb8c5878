"""What can go wrong with a cluster; the family is drawn in the package's docstring."""

import json


class ClusterError(Exception):
    """The text is a sentence an operator can act on."""


class Unreachable(ClusterError):
    pass


class Refused(ClusterError):
    """`causes` are the server's own, {"field", "message", "reason"} each, where it names any."""

    def __init__(self, status: int, reason: str, message: str, causes: list[dict] | None = None):
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.causes = causes or []


class NotFound(Refused):
    pass


class ExecFailed(ClusterError):
    pass


class AgentError(ClusterError):
    pass


class AgentEnded(AgentError):
    """What it was doing was killed, most likely with its container: nothing can be concluded from it."""


class NotReady(ClusterError):
    pass


def refusal(status: int, body: bytes) -> Refused:
    """The error of a Kubernetes Status, or of whatever a proxy in between answered."""
    try:
        told = json.loads(body)
        reason, message = told.get("reason", ""), told.get("message", "")
        causes = (told.get("details") or {}).get("causes")
    except (ValueError, AttributeError):
        reason, message, causes = "", body[:300].decode(errors="replace"), None
    kind = NotFound if status == 404 else Refused
    return kind(status, reason, message or f"the API server answered {status}", causes)
