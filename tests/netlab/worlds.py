"""Manifests the netlab tests speak with."""

TOOLBOX = "redes.local/toolbox:0.1.0"


def pod(
    name: str, namespace: str, *command: str, node: str = "", spec: dict | None = None, **container
) -> dict:
    """A pod of one toolbox container `main`; without a command it idles."""
    main = {"name": "main", "image": TOOLBOX, **({"command": list(command)} if command else {}), **container}
    place = {"nodeSelector": {"kubernetes.io/hostname": node}} if node else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 1, **place, "containers": [main], **(spec or {})},
    }


def service(name: str, namespace: str, selector: dict, port: int, **spec) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": selector, "ports": [{"port": port}], **spec},
    }
