"""Commands of the node, and what they tell of a pod's link."""

import json
import subprocess


class Failed(Exception):
    """A command of the node failed; the message ends with its own words."""


def do(argv: list[str], *, stdin: str = "") -> str:
    """Raises Failed."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{' '.join(argv[:3])} failed: {done.stderr.strip() or done.returncode}")
    return done.stdout


def attempt(argv: list[str]) -> None:
    """Run a command whose failure means that there was nothing to do."""
    subprocess.run(argv, capture_output=True)


def route_of(address: str) -> dict | None:
    """The host route to a pod of this node, as `ip -j` tells it, or None when no such pod is here."""
    routes = json.loads(do(["ip", "-j", "route", "show", f"{address}/32"]) or "[]")
    return next((route for route in routes if "dev" in route and "gateway" not in route), None)


def interface_of(address: str) -> str:
    """The node's end of the pod's link. Raises Failed."""
    route = route_of(address)
    if route is None:
        raise Failed(f"no pod with the address {address} is on this node")
    return route["dev"]
