"""ControllerRevisions: the templates a DaemonSet or StatefulSet has had, for history and for going back."""

from collections.abc import Collection

from netlab.store import Store, clone, is_controlled_by, owner_reference

from .deployment import template_hash

RESOURCE = "controllerrevisions.apps"
HASH = "controller-revision-hash"


def note(store: Store, owner: dict, in_use: Collection[str] = ()) -> dict:
    """The revision of the present template, the newest from now on; old ones go, but for those `in_use`."""
    digest, meta = template_hash(owner["spec"]["template"]), owner["metadata"]
    name, namespace = f"{meta['name']}-{digest}", meta["namespace"]
    own = [one for one in store.list(RESOURCE, namespace) if is_controlled_by(one, owner)]
    newest = max((r["revision"] for r in own), default=0)
    present = next((r for r in own if r["metadata"]["name"] == name), None)
    if present is None:
        present = store.create(RESOURCE, _new(owner, name, digest, newest + 1))
    elif present["revision"] < newest:
        present = store.mutate(RESOURCE, namespace, name, lambda r: r.update(revision=newest + 1))
    stale = sorted((r for r in own if r["metadata"]["name"] != name), key=lambda r: r["revision"])
    for revision in stale[: max(0, len(stale) - owner["spec"]["revisionHistoryLimit"])]:
        if revision["metadata"]["name"] not in in_use:
            store.delete(RESOURCE, namespace, revision["metadata"]["name"])
    return present


def at(store: Store, owner: dict, name: str) -> dict:
    """The owner as it was at a revision; as it is now where that revision is gone."""
    found = store.find(RESOURCE, owner["metadata"]["namespace"], name)
    if found is None:
        return owner
    template = {key: value for key, value in found["data"]["spec"]["template"].items() if key != "$patch"}
    return {**owner, "spec": {**owner["spec"], "template": template}}


def _new(owner: dict, name: str, digest: str, number: int) -> dict:
    template = {**clone(owner["spec"]["template"]), "$patch": "replace"}
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": name,
            "namespace": owner["metadata"]["namespace"],
            "labels": {**owner["spec"]["template"]["metadata"].get("labels", {}), HASH: digest},
            "annotations": clone(owner["metadata"].get("annotations", {})),
            "ownerReferences": [owner_reference(owner)],
        },
        "data": {"spec": {"template": template}},
        "revision": number,
    }
