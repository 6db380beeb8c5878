"""Answers that are not objects: the Status, and the errors that become one."""

from netlab.schema.causes import Cause
from netlab.schema.kinds import Kind
from netlab.store import StoreError


class ApiError(Exception):
    """A refusal as the client shall see it."""

    def __init__(self, code: int, reason: str, message: str, details: dict | None = None):
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message
        self.details = {key: value for key, value in (details or {}).items() if value}

    def body(self) -> dict:
        return failure(self.code, self.reason, self.message, self.details)


def failure(code: int, reason: str, message: str, details: dict | None = None) -> dict:
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
    }
    return {**status, **({"details": details} if details else {}), "code": code}


def success(details: dict) -> dict:
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def from_store(error: StoreError) -> ApiError:
    plural, _, group = error.resource.partition(".")
    details = {"name": error.name, "group": group, "kind": plural}
    return ApiError(error.code, error.reason, error.message, details)


def unknown_path() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource")


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def forbidden(kind: Kind, name: str, why: str) -> ApiError:
    details = {"name": name, "group": kind.group, "kind": kind.plural}
    subject = f'{kind.resource} "{name}"' if name else kind.resource
    return ApiError(403, "Forbidden", f"{subject} is forbidden: {why}", details)


def method_not_allowed() -> ApiError:
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message)


def unsupported_media_type(seen: str, known: list[str]) -> ApiError:
    message = (
        f"the body of the request was in an unknown format - accepted media types include: {', '.join(known)}"
    )
    return ApiError(415, "UnsupportedMediaType", message, {"causes": [{"message": f"got {seen}"}]})


def invalid(kind: Kind, name: str, causes: list[Cause]) -> ApiError:
    """422: lists every cause; name and causes are deduplicated as they come."""
    told = list(dict.fromkeys(str(cause) for cause in causes))
    listed = told[0] if len(told) == 1 else f"[{', '.join(told)}]"
    subject = f"{kind.name}.{kind.group}" if kind.group else kind.name
    details = {"name": name, "group": kind.group, "kind": kind.name, **told_causes(causes)}
    return ApiError(422, "Invalid", f'{subject} "{name}" is invalid: {listed}', details)


def told_causes(causes: list[Cause]) -> dict:
    """As a Status keeps them in its details."""
    return {"causes": [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes]}
