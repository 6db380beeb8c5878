"""Programs for pods of kube-system that speak as their originals do. Each stands alone in its image."""
