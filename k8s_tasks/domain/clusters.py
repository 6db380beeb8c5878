"""Acts on clusters: registering them and keeping their health."""

import hashlib
import os
import subprocess
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from k8s_tasks.domain.sessions import lose_sessions_of_other_cluster
from k8s_tasks.domain.whole_clusters import register_own_netlabs
from k8s_tasks.models import Cluster

KIND_NAME = "redes"
CHECKED_EVERY = timedelta(seconds=30)  # how old `checked_at` may get while nothing changes


class ClusterSetupError(Exception):
    """The CLUSTER option cannot be followed; the text says why."""


def register_cluster(choice: str) -> Cluster:
    """The row for `netlab`, `kind` or the path of a kubeconfig; new sessions start there."""
    name, path = _name_and_path(choice)
    if choice == "netlab":
        register_own_netlabs()
    Cluster.objects.exclude(name=name).filter(is_default=True).update(is_default=False)
    facts = {"kubeconfig_path": str(path), "is_default": True}
    return Cluster.objects.update_or_create(name=name, defaults=facts)[0]


def _name_and_path(choice: str) -> tuple[str, Path]:
    if choice == "netlab":
        return "netlab", netlab_state() / "kubeconfig"
    if choice == "kind":
        return "kind", _write_kind_kubeconfig()
    path = Path(choice).expanduser().resolve()
    if not path.is_file():
        raise ClusterSetupError(f"CLUSTER={choice}: there is no kubeconfig at {path}.")
    return "cluster", path


def netlab_state() -> Path:
    return Path(os.environ.get("NETLAB_STATE") or settings.STATE_DIR / "netlab")


def _write_kind_kubeconfig() -> Path:
    """kind's kubeconfig in a file of our own: the user's may hold other clusters."""
    try:
        asked = subprocess.run(
            ["kind", "get", "kubeconfig", "--name", KIND_NAME], capture_output=True, text=True
        )
    except OSError:
        return _given_by_root("the command `kind` is not installed")
    if asked.returncode:
        return _given_by_root(asked.stderr.strip() or "kind gave no kubeconfig")
    path = settings.STATE_DIR / "kind" / "kubeconfig"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(asked.stdout)
    return path


def _given_by_root(otherwise: str) -> Path:
    """Whom root has become may not ask Docker: root has asked before, see deploy/local/up.py."""
    path = settings.STATE_DIR / "clusters" / "kind"
    if not path.is_file():
        raise ClusterSetupError(f"CLUSTER=kind: {otherwise}. `make kind` makes the cluster.")
    return path


def portal_id() -> str:
    """Names this installation on what it makes on a cluster that others may use too."""
    return hashlib.sha256(f"portal:{settings.SECRET_KEY}".encode()).hexdigest()[:12]


def mark_healthy(cluster: Cluster, *, version: str, uid: str) -> None:
    """Keep that the cluster answers; another uid behind its address means another cluster."""
    facts = {"is_healthy": True, "health": "", "version": version, "uid": uid, "silent_since": None}
    if _store(cluster, facts):
        lose_sessions_of_other_cluster(cluster)


def mark_ill(cluster: Cluster, why: str) -> None:
    """`why` stands on pages; where netlab could not start, its own reason says more than a refused
    connection."""
    told = netlab_state() / "unavailable.txt"
    if cluster.name == "netlab" and told.is_file():
        why = told.read_text().strip()
    since = cluster.silent_since or timezone.now()
    _store(cluster, {"is_healthy": False, "health": why[:500], "silent_since": since})


def _store(cluster: Cluster, facts: dict) -> bool:
    """True when something changed. `checked_at` alone is written now and then."""
    now = timezone.now()
    changed = any(getattr(cluster, name) != value for name, value in facts.items())
    if changed or cluster.checked_at is None or now - cluster.checked_at > CHECKED_EVERY:
        for name, value in {**facts, "checked_at": now}.items():
            setattr(cluster, name, value)
        cluster.save(update_fields=[*facts, "checked_at"])
    return changed
