"""Exit code 0 while this pod's worker or watcher lives: its loop touches a file every few seconds."""

import os
import sys
import time
from pathlib import Path

BEAT = Path(os.environ.get("STATE_DIR", "/var/lib/redes")) / "beat"
LASTS = 30  # seconds


def main() -> int:
    try:
        age = time.time() - BEAT.stat().st_mtime
    except FileNotFoundError:
        print("no sign of life yet")
        return 1
    if age > LASTS:
        print(f"the last sign of life is {age:.0f} s old")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
