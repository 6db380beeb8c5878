"""Numbers of PriorityClasses: the highest a user may take, and the two classes every cluster has."""

HIGHEST_PRIORITY = 1_000_000_000
SYSTEM_PRIORITIES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
