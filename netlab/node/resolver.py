"""A pod's /etc/resolv.conf, as a kubelet writes it from dnsPolicy and dnsConfig. Pure."""

from dataclasses import dataclass, field

from netlab.topology import Topology

_DOMAIN = "cluster.local"
_MOST_SERVERS = 3  # what a C library reads


@dataclass
class Resolver:
    servers: list[str] = field(default_factory=list)
    searches: list[str] = field(default_factory=list)
    options: dict[str, str | None] = field(default_factory=dict)

    def text(self) -> str:
        options = [name if value in (None, "") else f"{name}:{value}" for name, value in self.options.items()]
        lines = [f"search {' '.join(self.searches)}"] if self.searches else []
        lines += [f"nameserver {server}" for server in self.servers[:_MOST_SERVERS]]
        lines += [f"options {' '.join(options)}"] if options else []
        return "".join(f"{line}\n" for line in lines)


def resolv_conf(pod: dict, topology: Topology) -> str:
    found = _of_policy(pod, topology)
    config = pod["spec"].get("dnsConfig") or {}
    found.servers = _distinct(found.servers + (config.get("nameservers") or []))
    found.searches = _distinct(found.searches + (config.get("searches") or []))
    found.options |= {item["name"]: item.get("value") for item in config.get("options") or []}
    return found.text()


def _of_policy(pod: dict, topology: Topology) -> Resolver:
    spec = pod["spec"]
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    if policy == "None":
        return Resolver()
    if policy == "Default" or (policy == "ClusterFirst" and spec.get("hostNetwork")):
        # The node's own, as on kind: the machine outside. Nothing answers there, for netlab has no internet.
        return Resolver([str(topology.laptop)])
    services = f"svc.{_DOMAIN}"
    searches = [f"{pod['metadata']['namespace']}.{services}", services, _DOMAIN]
    return Resolver([str(topology.dns_service_address)], searches, {"ndots": "5"})


def _distinct(items: list[str]) -> list[str]:
    return list(dict.fromkeys(items))


def full_name(pod: dict, hostname: str) -> str | None:
    """The name a headless Service called like the pod's subdomain gives it."""
    subdomain = pod["spec"].get("subdomain")
    return f"{hostname}.{subdomain}.{pod['metadata']['namespace']}.svc.{_DOMAIN}" if subdomain else None
