"""Networks of the live cluster, and their parts."""

import ipaddress
import re

from django.utils.translation import gettext_noop as _

from k8s_tasks.checks.finding import Broken
from k8s_tasks.checks.round import Round
from k8s_tasks.cluster.errors import ClusterError, NotFound, Refused

# TEST-NET-3 of RFC 5737: no cluster gives its Services these addresses.
NOBODYS = "203.0.113.1"
_RANGE_OBJECT = "/apis/networking.k8s.io/v1/servicecidrs/kubernetes"
_RANGE = re.compile(r"range of valid IPs is ([0-9./]+)")


def subnet(network: object, prefix: int, number: int) -> str | None:
    """Part `number` (from 0) of a network like 10.244.1.0/24; None when there is no such part."""
    try:
        whole = ipaddress.ip_network(str(network))
        size = 1 << (whole.max_prefixlen - prefix)
        part = ipaddress.ip_network((int(whole.network_address) + number * size, prefix))
    except ValueError:
        return None
    return str(part) if part.subnet_of(whole) else None


async def service_range(round: Round) -> str:
    """The range that the cluster was made to give Services addresses from.

    From Kubernetes 1.33 on it is an object, and a refused address no longer names it; before, it was the
    other way round.
    """
    try:
        kept = await round.api.request("GET", _RANGE_OBJECT)
        return kept["spec"]["cidrs"][0]
    except NotFound:
        return await _range_refused(round)
    except ClusterError as error:
        raise Broken(_("The cluster could not be looked at: %(why)s"), why=error) from error


async def _range_refused(round: Round) -> str:
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"generateName": "range-"},
        "spec": {"clusterIP": NOBODYS, "ports": [{"port": 80}]},
    }
    path = f"/api/v1/namespaces/{round.facts.namespace}/services"
    try:
        await round.api.request("POST", path, query={"dryRun": "All"}, body=body)
    except Refused as refused:
        if found := _RANGE.search(str(refused)):
            return found[1].rstrip(".")
        raise Broken(_("The cluster could not be looked at: %(why)s"), why=refused) from refused
    except ClusterError as error:
        raise Broken(_("The cluster could not be looked at: %(why)s"), why=error) from error
    raise Broken(_("The cluster could not be looked at: %(why)s"), why=f"it accepted {NOBODYS}")
