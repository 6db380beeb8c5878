"""The ways a request on the store can fail, each with its HTTP code and Kubernetes reason.

StoreError
  NotFound       404 NotFound
  AlreadyExists  409 AlreadyExists
  Conflict       409 Conflict    the object changed since it was read
  Expired        410 Expired     a watch asks for changes that are no longer kept
"""


class StoreError(Exception):
    code = 500
    reason = "InternalError"

    def __init__(self, message: str, *, resource: str = "", name: str = ""):
        super().__init__(message)
        self.message, self.resource, self.name = message, resource, name


class NotFound(StoreError):
    code, reason = 404, "NotFound"

    def __init__(self, resource: str, name: str):
        super().__init__(f'{resource} "{name}" not found', resource=resource, name=name)


class AlreadyExists(StoreError):
    code, reason = 409, "AlreadyExists"

    def __init__(self, resource: str, name: str):
        super().__init__(f'{resource} "{name}" already exists', resource=resource, name=name)


class Conflict(StoreError):
    code, reason = 409, "Conflict"

    def __init__(self, resource: str, name: str, why: str = ""):
        why = why or (
            "the object has been modified; please apply your changes to the latest version and try again"
        )
        message = f'Operation cannot be fulfilled on {resource} "{name}": {why}'
        super().__init__(message, resource=resource, name=name)


class Expired(StoreError):
    code, reason = 410, "Expired"

    def __init__(self, since: int, oldest: int):
        super().__init__(f"too old resource version: {since} ({oldest})")
