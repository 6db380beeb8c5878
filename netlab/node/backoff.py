"""How long the kubelet waits before it tries the same thing again."""

_FORGIVEN_AFTER = 600  # seconds of good running after which the count begins anew


class Backoff:
    """Doubles from `first` seconds up to `limit`."""

    def __init__(self, first: float = 10, limit: float = 300):
        self._first, self._limit = first, limit
        self._failures = 0

    def next(self) -> float:
        self._failures += 1
        return min(self._first * 2 ** (self._failures - 1), self._limit)

    def after_run(self, seconds: float) -> float:
        """The pause after a run of that length: none after the first, then 10 s, 20 s ..."""
        if seconds > _FORGIVEN_AFTER:
            self._failures = 0
        self._failures += 1
        if self._failures == 1:
            return 0
        return min(self._first * 2 ** (self._failures - 2), self._limit)
