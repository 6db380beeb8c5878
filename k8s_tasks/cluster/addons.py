"""The cluster's own programs that lessons look into: the ingress controller and kube-proxy.

They are found where their makers install them. A student may not read there: what is shown was chosen by
the lab, and only lines with a word of the session's own.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from curriculum.specs import INGRESS_CONTROLLER, KUBE_PROXY
from k8s_tasks.cluster.api import Api
from k8s_tasks.cluster.errors import NotReady
from k8s_tasks.cluster.execs import Process, start_process
from k8s_tasks.cluster.objects import is_ready, list_pods

PLACES = {
    INGRESS_CONTROLLER: ("nginx-ingress", "app.kubernetes.io/name=nginx-ingress"),
    KUBE_PROXY: ("kube-system", "k8s-app=kube-proxy"),
}
TAIL = 5000  # lines of a log that are looked at
SHOWN = 200  # of those that are the session's, the newest


async def find_pod(api: Api, addon: str, *, node: str = "") -> tuple[str, str]:
    """Namespace and name of a pod of the add-on, a Ready one before others. Raises NotReady."""
    namespace, labels = PLACES[addon]
    pods, _version = await list_pods(api, namespace=namespace, labels=labels)
    here = [pod for pod in pods if not node or pod["spec"].get("nodeName") == node]
    if not here:
        raise NotReady(f"no pod of {addon} is in {namespace} with the label {labels}")
    return namespace, max(here, key=is_ready)["metadata"]["name"]


async def run_in_addon(api: Api, addon: str, argv: Sequence[str], *, seconds: int) -> Process:
    """As the platform. The program's image need not have `redes-run`: `timeout` ends the command there."""
    namespace, pod = await find_pod(api, addon)
    return await start_process(api, namespace, pod, ["timeout", str(seconds), *argv])


async def read_log(api: Api, addon: str, *, node: str, only: str, since: datetime) -> list[str]:
    """The newest lines of its log that hold the word: an earlier session had the same words."""
    namespace, pod = await find_pod(api, addon, node=node)
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
    text = await api.text(
        path, query={"tailLines": str(TAIL), "sinceTime": f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    )
    return [line for line in text.splitlines() if only in line][-SHOWN:]
