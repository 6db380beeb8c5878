"""Objects the policy tests speak with: as short as the API's own, after defaulting."""

NODE = "redes-worker"


def pod(
    name: str, address: str | None, *, ns="x", node=NODE, phase="Running", spec=None, ports=(), **labels
) -> dict:
    return {
        "metadata": {"name": name, "namespace": ns, "uid": f"uid-{ns}-{name}", "labels": labels},
        "spec": {"nodeName": node, "containers": [{"name": "main", "ports": list(ports)}], **(spec or {})},
        "status": {"phase": phase, **({"podIP": address} if address else {})},
    }


def policy(name="p", *, ns="x", select=None, types=("Ingress",), **rules) -> dict:
    spec = {"podSelector": select or {}, "policyTypes": list(types), **rules}
    return {"metadata": {"name": name, "namespace": ns}, "spec": spec}


def namespace(name: str, **labels) -> dict:
    return {"metadata": {"name": name, "labels": labels}}


def labelled(**labels) -> dict:
    return {"matchLabels": labels}
