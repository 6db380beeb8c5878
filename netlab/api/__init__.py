"""The HTTP face of the cluster: reading, writing and watching objects, and streams into pods."""
