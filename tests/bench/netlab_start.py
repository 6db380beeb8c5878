"""From `netlab up` to all nodes Ready, and to the first answer of DNS, each time with a fresh state folder.

The images are unpacked before, as they are after the first start on a machine. That the nodes are
Ready is asked of the API, and not only taken from the line netlab prints. The answer of DNS is one that a pod
has got which was made as soon as the nodes were Ready: its own start is in the time.

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


def start_once() -> tuple[float, float]:
    """Seconds until it says it is Ready, and until DNS has answered; it is ended before this returns."""
    with tempfile.TemporaryDirectory() as state:
        began = time.perf_counter()
        netlab = subprocess.Popen([*NETLAB, "--state", state], stdout=subprocess.PIPE, text=True)
        try:
            said = next((line for line in netlab.stdout if "Ready" in line), "")
            ready = time.perf_counter() - began
            ask_dns(f"{state}/kubeconfig")
            answered = time.perf_counter() - began
            check_nodes(f"{state}/kubeconfig", said)
        finally:
            netlab.send_signal(signal.SIGINT)
            netlab.communicate(timeout=30)
    return ready, answered


def ask_dns(kubeconfig: str) -> None:
    kubectl = [KUBECTL, "--kubeconfig", kubeconfig]
    dig = "dig +tries=1 +timeout=1 +short kubernetes.default.svc.cluster.local"
    ask = f"until {dig} | grep -qx 10.96.0.1; do :; done"  # the whole line: complaints have an address too
    image = ["--image", "redes.local/toolbox:0.1.0", "--restart", "Never"]
    subprocess.run(
        [*kubectl, "run", "asker", *image, "--", "bash", "-c", ask], check=True, stdout=subprocess.PIPE
    )
    done = "--for=jsonpath={.status.phase}=Succeeded"
    subprocess.run([*kubectl, "wait", "pod/asker", done, "--timeout=60s"], check=True, stdout=subprocess.PIPE)


def check_nodes(kubeconfig: str, said: str) -> None:
    query = ["get", "nodes", "--no-headers"]
    told = subprocess.run([KUBECTL, "--kubeconfig", kubeconfig, *query], capture_output=True, text=True)
    states = [line.split()[1] for line in told.stdout.splitlines()]
    if states != ["Ready"] * 3:
        raise SystemExit(f"netlab said {said!r}, its nodes are {states} {told.stderr}")


def tell(what: str, samples: list[float]) -> None:
    median, spread = statistics.median(samples), f"{min(samples):.2f} to {max(samples):.2f} s"
    print(f"netlab up to {what}: median {median:.2f} s, {spread}, n = {len(samples)}")


if __name__ == "__main__":
    starts = [start_once() for _ in range(int(sys.argv[1]) if sys.argv[1:] else 5)]
    tell("all nodes Ready", [ready for ready, _ in starts])
    tell("an answer of DNS in a pod", [answered for _, answered in starts])
