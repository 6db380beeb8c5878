"""From `netlab up` to all nodes Ready, each time with a fresh state folder.

The images are unpacked before, as they are after the first start on a machine. That the nodes are
Ready is asked of the API, and not only taken from the line netlab prints.

    .venv/bin/python tests/bench/netlab_start.py [STARTS]
"""

import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NETLAB = [sys.executable, "-m", "netlab", "up", "--port", "0"]
KUBECTL = str(Path(sys.prefix) / "bin" / "kubectl")


def start_once() -> float:
    """Seconds until it says it is Ready; it is ended before this returns."""
    with tempfile.TemporaryDirectory() as state:
        began = time.perf_counter()
        netlab = subprocess.Popen([*NETLAB, "--state", state], stdout=subprocess.PIPE, text=True)
        try:
            said = next((line for line in netlab.stdout if "Ready" in line), "")
            took = time.perf_counter() - began
            check_nodes(f"{state}/kubeconfig", said)
        finally:
            netlab.send_signal(signal.SIGINT)
            netlab.communicate(timeout=30)
    return took


def check_nodes(kubeconfig: str, said: str) -> None:
    query = ["get", "nodes", "--no-headers"]
    told = subprocess.run([KUBECTL, "--kubeconfig", kubeconfig, *query], capture_output=True, text=True)
    states = [line.split()[1] for line in told.stdout.splitlines()]
    if states != ["Ready"] * 3:
        raise SystemExit(f"netlab said {said!r}, its nodes are {states} {told.stderr}")


if __name__ == "__main__":
    samples = [start_once() for _ in range(int(sys.argv[1]) if sys.argv[1:] else 5)]
    median, spread = statistics.median(samples), f"{min(samples):.2f} to {max(samples):.2f} s"
    print(f"netlab up to all nodes Ready: median {median:.2f} s, {spread}, n = {len(samples)}")
