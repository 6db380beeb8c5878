"""Namespaces: what each must hold, and how one is emptied before it goes."""

from collections.abc import Iterable

from netlab.store import Event, Store, is_deleting

from . import bootstrap
from .manager import Key

_ROOT_CA = "kube-root-ca.crt"
_REMADE = {"serviceaccounts": "default", "configmaps": _ROOT_CA}


class NamespaceController:
    """Puts the default service account and the CA's certificate into each; empties those being deleted."""

    name = "namespace"

    def __init__(self, store: Store, ca_pem: str):
        self._store, self._ca_pem = store, ca_pem

    def concerned(self, event: Event) -> Iterable[Key]:
        meta = event.object["metadata"]
        if event.resource == "namespaces":
            yield (meta["name"],)
        elif event.type == "DELETED" and meta.get("namespace"):
            namespace = self._store.find("namespaces", None, meta["namespace"])
            remade = _REMADE.get(event.resource) == meta["name"]
            if namespace and (remade or is_deleting(namespace)):
                yield (meta["namespace"],)
        elif event.resource == "configmaps" and meta["name"] == _ROOT_CA:
            yield (meta["namespace"],)

    def sync(self, key: Key) -> None:
        namespace = self._store.find("namespaces", None, key[0])
        if namespace is None:
            if key[0] in bootstrap.NAMESPACES:
                # A system's namespace comes back, as kube-apiserver sees to it.
                bootstrap.create_namespace(self._store, key[0])
            return
        if is_deleting(namespace):
            self._empty(key[0])
        else:
            self._furnish(key[0])

    def _furnish(self, namespace: str) -> None:
        if not self._store.find("serviceaccounts", namespace, "default"):
            meta = {"name": "default", "namespace": namespace}
            account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}
            self._store.create("serviceaccounts", account)
        wanted = _root_ca(namespace, self._ca_pem)
        present = self._store.find("configmaps", namespace, _ROOT_CA)
        if present is None:
            self._store.create("configmaps", wanted)
        elif present.get("data") != wanted["data"]:
            self._store.update("configmaps", wanted)

    def _empty(self, namespace: str) -> None:
        """Delete everything in it; pods take their time, and their going brings us here again."""
        for resource in self._store.resources():
            for obj in self._store.list(resource, namespace):
                if not is_deleting(obj):
                    self._store.delete(resource, namespace, obj["metadata"]["name"])
        if not any(self._store.list(resource, namespace) for resource in self._store.resources()):
            self._store.mutate("namespaces", None, namespace, lambda n: n["spec"].update(finalizers=[]))


def _root_ca(namespace: str, ca_pem: str) -> dict:
    about = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints"
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": _ROOT_CA,
            "namespace": namespace,
            "annotations": {"kubernetes.io/description": about},
        },
        "data": {"ca.crt": ca_pem},
    }
