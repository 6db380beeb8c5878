"""Kubeconfigs that administrators upload: what is taken, how it is kept, and the file a client reads.

A kubeconfig can name programs to run, files to read and proxies to pass everything through. From a web page
only plain data is taken: addresses, certificates and tokens, inline. It is kept encrypted in the database,
with a key made of SECRET_KEY, and each process writes it for its own client into the state folder (0600).
"""

import base64
import hashlib
import os
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from django.conf import settings
from django.utils.translation import gettext as _

from k8s_tasks import sealing

PURPOSE = "kubeconfigs"
MOST_BYTES = 256 * 1024
OF_CLUSTER = {"server", "certificate-authority-data", "tls-server-name"}
OF_USER = {"client-certificate-data", "client-key-data", "token"}
OF_CONTEXT = {"cluster", "user", "namespace"}
HARMLESS = {"extensions"}  # of minikube and the like; dropped


class KubeconfigRefused(ValueError):
    """A kubeconfig that is not taken; the text is for the administrator."""


def checked(text: str) -> str:
    """The current context's cluster and user, and nothing else, as YAML. Raises KubeconfigRefused."""
    if len(text.encode()) > MOST_BYTES:
        raise KubeconfigRefused(_("This is too large for a kubeconfig."))
    config = _parsed(text)
    context = _named(config, "contexts", "context", _current(config))
    _only(context, OF_CONTEXT, "context")
    cluster = _named(config, "clusters", "cluster", context.get("cluster"))
    user = _named(config, "users", "user", context.get("user"))
    _only(cluster, OF_CLUSTER, "cluster")
    _only(user, OF_USER, "user")
    _check_server(cluster.get("server"))
    _check_data({**cluster, **user})
    if not user:
        raise KubeconfigRefused(_("The user of the context has neither a certificate nor a token."))
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "cluster", "cluster": _without_harmless(cluster)}],
            "users": [{"name": "user", "user": _without_harmless(user)}],
            "contexts": [{"name": "context", "context": {"cluster": "cluster", "user": "user"}}],
            "current-context": "context",
        }
    )


def server_of(text: str) -> str:
    """The address that a kubeconfig of ours leads to."""
    return yaml.safe_load(text)["clusters"][0]["cluster"]["server"]


def _parsed(text: str) -> dict:
    try:
        config = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise KubeconfigRefused(_("This is no YAML: %(error)s") % {"error": error}) from None
    if not isinstance(config, dict):
        raise KubeconfigRefused(_("This is no kubeconfig."))
    return config


def _current(config: dict) -> str:
    contexts = config.get("contexts")
    if config.get("current-context"):
        return config["current-context"]
    if isinstance(contexts, list) and len(contexts) == 1 and isinstance(contexts[0], dict):
        return contexts[0].get("name", "")
    raise KubeconfigRefused(_("It does not say which context to use: current-context is missing."))


def _named(config: dict, kind: str, inner: str, name: object) -> dict:
    listed = config.get(kind)
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and each.get("name") == name and isinstance(each.get(inner), dict):
            return each[inner]
    raise KubeconfigRefused(
        _("%(kind)s has nothing called %(name)s.") % {"kind": kind, "name": str(name)[:80]}
    )


def _only(found: dict, allowed: set[str], what: str) -> None:
    """Whatever is not known to be plain data may run a program or read a file: it is refused by name."""
    if odd := sorted(str(key) for key in found.keys() - allowed - HARMLESS):
        told = _(
            "%(keys)s of the %(what)s cannot be taken from an upload:"
            " only inline certificates and tokens are."
        )
        raise KubeconfigRefused(told % {"keys": ", ".join(odd)[:200], "what": what})


def _without_harmless(found: dict) -> dict:
    return {key: value for key, value in found.items() if key not in HARMLESS}


def _check_server(server: object) -> None:
    try:
        parts = urlsplit(str(server or ""))
        is_fine = parts.scheme == "https" and bool(parts.hostname) and not parts.username and parts.port != 0
    except ValueError:
        is_fine = False
    if not is_fine:
        raise KubeconfigRefused(_("The server must be an https address."))


def _check_data(found: dict) -> None:
    for key, value in found.items():
        if key in HARMLESS:
            continue
        if not isinstance(value, str) or not value.strip():
            raise KubeconfigRefused(_("%(key)s is empty or no text.") % {"key": key})
        if key.endswith("-data"):
            try:
                base64.b64decode(value, validate=True)
            except ValueError:
                raise KubeconfigRefused(_("%(key)s is no base64.") % {"key": key}) from None


def seal(text: str) -> bytes:
    return sealing.seal(text, PURPOSE)


def file_of(pk: int, sealed: bytes) -> str:
    """The path of the kubeconfig for a client of this process; of one that cannot be opened any more (another
    SECRET_KEY) a path at which nothing is, which the cluster's health then tells."""
    name = hashlib.sha256(bytes(sealed)).hexdigest()[:16]
    path = settings.STATE_DIR / "clusters" / f"uploaded-{pk}-{name}"
    if not path.exists():
        try:
            _write(path, sealing.unseal(sealed, PURPOSE).encode())
        except sealing.CannotUnseal:
            return f"{path} (sealed with another SECRET_KEY: upload it again)"
    return str(path)


def _write(path: Path, text: bytes) -> None:
    """Whole or not at all, readable by this user alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        file.write(text)
    fresh.replace(path)
