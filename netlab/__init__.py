"""netlab: a small Kubernetes-compatible cluster over the kernel's own network, for teaching."""

KUBERNETES_VERSION = "v1.36.0+netlab"
