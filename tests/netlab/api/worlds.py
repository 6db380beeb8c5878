"""Manifests the tests share."""

NAMESPACE = "/api/v1/namespaces/default"
PODS = f"{NAMESPACE}/pods"
CONFIGMAPS = f"{NAMESPACE}/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


def pod(name="web", **spec):
    containers = [{"name": "box", "image": "busybox:1.36"}]
    return {"metadata": {"name": name, "labels": {"app": name}}, "spec": {"containers": containers, **spec}}


def config_map(name="c1", **data):
    return {"metadata": {"name": name}, "data": data}


def deployment(name="shop", replicas=2, image="busybox:1.36"):
    labels = {"app": name}
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    }


def service(name="shop", **spec):
    base = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {"metadata": {"name": name}, "spec": {**base, **spec}}
