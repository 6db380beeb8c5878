"""The state of Kubernetes objects, by a CEL expression. Never the only check of a behaviour."""

from django.utils.translation import gettext_noop as _

from curriculum.cel import CelError, evaluate
from curriculum.kinds import AnswerSettings, ObjectSettings
from curriculum.reasons import Reason
from k8s_tasks.checks.finding import Finding, failed, failed_as_told, passed
from k8s_tasks.checks.round import Round


async def check(settings: ObjectSettings, round: Round) -> Finding:
    name = round.fill(settings.name)
    found = await round.get(settings.api, settings.resource, name=name, namespace=settings.namespace)
    return judge(settings, found, name=name, expression=round.fill(settings.expression))


def judge(settings: ObjectSettings, found: dict | None, *, name: str, expression: str) -> Finding:
    facts = {"kind": settings.resource, "name": name}
    if found is None:
        return failed(Reason.MISSING, _("There is no %(kind)s named %(name)s yet."), **facts)
    evidence = {"expression": expression, **_told(found)}
    try:
        holds = evaluate(expression, **values_of(found, name)) is True
    except CelError as error:
        # A field that is absent is the student's object, not a broken expression: the linter compiled it.
        return failed_as_told(settings.otherwise, evidence | {"error": str(error)})
    if not holds:
        return failed_as_told(settings.otherwise, evidence)
    sentence = (
        _("%(kind)s %(name)s is as it must be.")
        if name
        else _("All objects of kind %(kind)s are as they must be.")
    )
    return passed(sentence, evidence, **facts)


def values_of(found: dict, name: str) -> dict:
    return {"object": found} if name else {"objects": found.get("items", [])}


async def answer_of(settings: AnswerSettings, round: Round):
    """The right answer to a question about an object; None when it cannot be known yet."""
    name = round.fill(settings.name)
    found = await round.get(settings.api, settings.resource, name=name, namespace=settings.namespace)
    if found is None:
        return None
    try:
        return evaluate(round.fill(settings.expression), **values_of(found, name))
    except CelError:
        return None


def _told(found: dict) -> dict:
    """Which state was judged; whole objects are too large to keep, and may hold secrets."""
    metadata = found.get("metadata", {})
    told = {"resource_version": metadata.get("resourceVersion", "")}
    return (
        told | {"uid": metadata["uid"]}
        if "uid" in metadata
        else told | {"items": len(found.get("items", []))}
    )
