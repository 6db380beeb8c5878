"""The machine below the control plane: nodes, pods and services as the kernel's own namespaces and rules."""
