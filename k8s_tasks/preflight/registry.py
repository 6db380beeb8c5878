"""Which probe finds which capabilities."""

from collections.abc import Awaitable, Callable

from curriculum.enums import Capability as C
from k8s_tasks.preflight import addons, balancing, impairments, kernel, policies
from k8s_tasks.preflight.findings import Finding
from k8s_tasks.preflight.scene import Scene

Probe = Callable[[Scene], Awaitable[dict[C, Finding]]]

PROBES: dict[Probe, tuple[C, ...]] = {
    impairments.probe: (C.NETEM, C.DELAY),
    kernel.probe: (C.NFTABLES, C.IPTABLES, C.IPVS, C.BBR, C.EBPF),
    policies.probe: (C.NETWORKPOLICY,),
    balancing.probe_load_balancer: (C.LOADBALANCER,),
    balancing.probe_ingress: (C.INGRESS, C.HTTP2),
    balancing.probe_tcp_listener: (C.TCP_LISTENER,),
    addons.probe_certificates: (C.CERTIFICATES,),
    addons.probe_metrics: (C.METRICS,),
}
