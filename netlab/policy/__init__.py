"""NetworkPolicies: what they mean for each pod (verdicts), as rules (chains), in the kernel (agent)."""
