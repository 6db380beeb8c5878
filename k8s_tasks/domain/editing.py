"""Acts on the text of an `edit` step. Whatever is written is kept first."""

from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from curriculum import queries as work
from curriculum.course import get_course
from curriculum.domain import save_draft
from curriculum.enums import Right
from curriculum.parameters import SubstitutionError
from curriculum.specs import Step
from k8s_tasks.cluster.as_student import AsStudent
from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.cluster.namespaces import BALANCER
from k8s_tasks.cluster.schemas import field_hints
from k8s_tasks.commands import manifest_of
from k8s_tasks.domain.runs import RunError, check_may_run, start_run
from k8s_tasks.loop import api_of, on_loop
from k8s_tasks.models import LabSession, Run
from k8s_tasks.preparing import session_labels
from k8s_tasks.queries import step_values
from k8s_tasks.reviewing import Review, find_problems, review
from k8s_tasks.texts import Problem, TextError, Written, read_objects


class EditRefused(RunError):
    """A text that is not even sent to the cluster; `problems` say why."""

    def __init__(self, problems: list[Problem]):
        super().__init__(_("This text cannot be applied as it is."))
        self.problems = tuple(problems)


def namespaces_of(session: LabSession) -> tuple[str, ...]:
    """Those a text may name: the session's, and what the lab's rights reach besides."""
    rights = get_course().lab(session.attempt.lab.slug).rights
    return (*session.namespaces, *((BALANCER,) if Right.BALANCER in rights else ()))


def original_text(session: LabSession, step: Step) -> str:
    """What the lab begins with; empty for a step without a text, or while the pods it names have no
    addresses."""
    if not step.manifest:
        return ""
    try:
        lab = get_course().lab(session.attempt.lab.slug)
        return manifest_of(lab, step, step_values(session))
    except SubstitutionError:
        return ""


def review_text(session: LabSession, step: Step, text: str) -> Review:
    """Keep the text and say what the cluster would make of it. Raises RunError and AnswerError."""
    check_may_run(session, step)
    text = save_draft(session.attempt, step, text).text
    if problems := find_problems(text, namespaces_of(session)):
        return Review(tuple(problems))
    try:
        place = (session.cluster.kubeconfig_path, session.namespace, session_labels(str(session.pk)))
        return on_loop(_review(*place, read_objects(text), get_language()))
    except ClusterError as error:
        raise RunError(_("The cluster does not answer right now; your text is kept.")) from error


def start_edit(session: LabSession, step: Step, text: str, *, user) -> Run:
    """Keep the text and queue its apply. Raises EditRefused, RunError and AnswerError."""
    check_may_run(session, step)
    text = save_draft(session.attempt, step, text).text
    if problems := find_problems(text, namespaces_of(session)):
        raise EditRefused(problems)
    return start_run(session, step, user=user, text=text)


def hints_for(session: LabSession, step: Step) -> dict:
    """The fields of the kinds in the text, as far as it can be read, and in the original.

    Raises ClusterError.
    """
    drafts = work.drafts(session.attempt)
    texts = [original_text(session, step), drafts[step.key].text if step.key in drafts else ""]
    kinds = {
        (str(each.value["apiVersion"]), str(each.value["kind"])) for text in texts for each in _readable(text)
    }
    return on_loop(_hints(session.cluster.kubeconfig_path, session.cluster_uid, kinds))


def _readable(text: str) -> list[Written]:
    try:
        return read_objects(text)
    except TextError:
        return []


async def _review(
    kubeconfig: str, namespace: str, labels: dict[str, str], objects: list[Written], language: str | None
) -> Review:
    student = AsStudent(await api_of(kubeconfig), namespace, labels)
    # The loop's thread does not know the reader's language.
    with override(language):
        return await review(student, objects)


async def _hints(kubeconfig: str, cluster_uid: str, kinds: set[tuple[str, str]]) -> dict:
    return await field_hints(await api_of(kubeconfig), cluster_uid, kinds)
