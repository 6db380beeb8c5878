"""The result of planning: files for nginx, each with its object, and a message for each object."""

from dataclasses import dataclass, field

SECRETS = "/etc/nginx/secrets"
Ref = tuple[str, str, str]  # kind, namespace, name


@dataclass(frozen=True)
class Options:
    configmap: tuple[str, str] = ("nginx-ingress", "nginx-config")
    global_configuration: tuple[str, str] = ("nginx-ingress", "nginx-configuration")
    snippets: bool = False
    default_secret: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Message:
    warning: bool
    reason: str
    text: str


@dataclass
class Plan:
    files: dict[str, str] = field(default_factory=dict)  # below /etc/nginx
    owners: dict[str, Ref] = field(default_factory=dict)  # of files
    messages: dict[Ref, Message] = field(default_factory=dict)
    secrets: dict[str, bytes] = field(default_factory=dict)  # file name -> content

    def put(self, path: str, lines: list[str], owner: Ref) -> None:
        self.files[path] = "\n".join(lines) + "\n"
        self.owners[path] = owner


def accepted(key: str, warnings: list[str]) -> Message:
    text = f"Configuration for {key} was added or updated"
    if warnings:
        return Message(True, "AddedOrUpdatedWithWarning", f"{text} with warning(s): {'; '.join(warnings)}")
    return Message(False, "AddedOrUpdated", text)


def rejected(key: str, why: str) -> Message:
    return Message(True, "Rejected", f"{key} was rejected: {why}")
