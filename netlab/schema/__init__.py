"""Which kinds there are, and what may stand in their objects."""
