"""What the lab page and its fragments show, read from the course, the attempt and the session."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import Http404
from django.shortcuts import render
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.translation import gettext as _

from curriculum import domain as work
from curriculum import queries as work_queries
from curriculum.course import get_course
from curriculum.enums import RUN_STEPS, StepKind
from curriculum.glossary import Term
from curriculum.hints import Hint, hints_ahead
from curriculum.models import Attempt, Draft
from curriculum.parameters import SubstitutionError, fill_prose
from curriculum.specs import LabSpec, Step, Traffic
from curriculum.text import Text
from k8s_tasks import queries
from k8s_tasks.commands import NODES, command_of, manifest_of, node_of
from k8s_tasks.domain.capabilities import why_skipped
from k8s_tasks.domain.placing import queue_note
from k8s_tasks.enums import LIVE_SESSION_STATES, OPEN_RUN_STATES, USABLE_SESSION_STATES, RunKind
from k8s_tasks.models import LabSession, Run
from k8s_tasks.reviewing import Review
from portal.glossary import terms_said
from portal.hands import hand_context
from portal.health import why_labs_cannot_start
from portal.language import page_language
from portal.models import User
from portal.notes import notes_for
from portal.plotting import printed_by, shown_at
from portal.predicting import predictions_context
from portal.resuming import lab_after, open_step

# xterm.js sets colours by style attributes; only pages that hold a terminal allow them.
TERMINAL_CSP = {"style-src": [UNSAFE_INLINE]}


@dataclass(frozen=True)
class Sitting:
    """A student at a lab: the lab, their attempt at it and the session it runs in, as far as they are. Where
    somebody else reads the page it `is_read_only`."""

    lab: LabSpec
    attempt: Attempt | None = None
    session: LabSession | None = None
    is_read_only: bool = False


def find_lab(slug: str) -> LabSpec | None:
    """None for a lab the course has dropped: what was done in it is kept."""
    try:
        return get_course().lab(slug)
    except KeyError:
        return None


def lab_or_404(slug: str) -> LabSpec:
    lab = find_lab(slug)
    if lab is None:
        raise Http404(f"no lab {slug}")
    return lab


def step_or_404(lab: LabSpec, key: str) -> Step:
    try:
        return lab.step(key)
    except KeyError:
        raise Http404(f"no step {key} in {lab.slug}") from None


def step_in(session: LabSession, key: str) -> tuple[Sitting, Step]:
    """The sitting and its step, or a 404."""
    sitting = sitting_in(session)
    return sitting, step_or_404(sitting.lab, key)


def sitting_of(user, lab: LabSpec) -> Sitting:
    attempt = work.current_attempt(user, lab)
    return Sitting(lab, attempt, queries.current_session(attempt) if attempt else None)


def sitting_in(session: LabSession, *, reader: User | None = None) -> Sitting:
    """`reader` is for doors that are open to others than the student."""
    is_read_only = reader is not None and reader != session.attempt.student
    return Sitting(lab_or_404(session.attempt.lab.slug), session.attempt, session, is_read_only)


@csp_update(TERMINAL_CSP)
def lab_page(
    request,
    sitting: Sitting,
    *,
    status: int = 200,
    typed: dict[str, str] | None = None,
    reviews: dict[str, Review] | None = None,
    extra: dict | None = None,
):
    """The whole page; `typed` is what a refused form held, `reviews` what a check found, by step."""
    context = page_context(sitting, typed or {}, reviews or {}) | (extra or {})
    return render(request, "lab.html", context, status=status)


def page_context(sitting: Sitting, typed: dict[str, str], reviews: dict[str, Review]) -> dict:
    health = queries.service_health()
    steps = steps_context(sitting, typed, reviews)
    return {
        "has_edits": any(step.kind == StepKind.EDIT for step in sitting.lab.steps),
        **frame_context(sitting),
        "background": background_context(sitting),
        "notes": notes_for(sitting.attempt.student) if sitting.attempt else [],
        **(hand_context(sitting.session) if sitting.session else {}),
        "intro": _told(sitting, sitting.lab.intro(page_language())),
        "debrief": _told(sitting, sitting.lab.debrief(page_language())),
        "steps": steps,
        "open_step": open_step(sitting.lab, [each["spec"].key for each in steps if is_done(each)]),
        "conditions": conditions_context(sitting),
        "panes": panes_context(sitting.lab),
        "terminal_pods": terminal_pods(sitting.lab),
        "topology": queries.topology(sitting.session) if sitting.session else None,
        "health": health,
        "terms": terms_of(sitting.lab),
        "cannot_start": why_labs_cannot_start(health) or queries.why_no_cluster_fits(sitting.lab),
    }


def terms_of(lab: LabSpec) -> list[Term]:
    """The terms of the lab's prose, those of closed hints too: what a word means gives nothing away."""
    language = page_language()
    hints = [hint[language] for step in lab.steps for hint in step.hints]
    return terms_said(
        lab.intro(language), lab.debrief(language), *(step.body(language) for step in lab.steps), *hints
    )


def _told(sitting: Sitting, prose: str) -> str:
    return fill_prose(prose, sitting.attempt.parameters if sitting.attempt else {})


def background_context(sitting: Sitting) -> list[str]:
    """A sentence for each kind of traffic that the platform makes."""
    drawn = sitting.attempt.parameters if sitting.attempt else {}
    return [
        _spell_traffic(traffic, {**drawn, **_names_of(sitting.lab)}) for traffic in sitting.lab.background
    ]


def _names_of(lab: LabSpec) -> dict:
    """What people call what a template stands for: `${web.ip}` is web, `${ns.shop}` is shop."""
    return {
        "ns": {key: key for key in lab.all_namespaces},
        "nodes": {name: name for name in NODES},
        **{pod: {"ip": pod} for pod in lab.all_pods},
    }


def _spell_traffic(traffic: Traffic, values: dict) -> str:
    told = {
        "name": traffic.name,
        "protocol": traffic.protocol.upper(),
        "to": fill_prose(escape(traffic.to), values),
        "port": fill_prose(escape(traffic.port), values),
        "seconds": f"{traffic.every:g}",
    }
    return format_html(_("{name} sends {protocol} to {to}, port {port}, every {seconds} s."), **told)


def frame_context(sitting: Sitting) -> dict:
    """What every fragment of the page knows."""
    return {
        "lab": sitting.lab,
        "attempt": sitting.attempt,
        "session": sitting.session,
        "is_read_only": sitting.is_read_only,
        "next_lab": lab_after(sitting.lab),
        "timer": timer_context(sitting.session),
        "queue_note": queue_note(sitting.session) if sitting.session else "",
        "verifying": open_verification(sitting.session),
    }


def timer_context(session: LabSession | None) -> dict | None:
    if session is None or session.state not in LIVE_SESSION_STATES:
        return None
    left = (session.expires_at - timezone.now()).total_seconds()
    return {"expires_at": session.expires_at.isoformat(), "seconds_left": max(0, int(left))}


def open_verification(session: LabSession | None) -> Run | None:
    if session is None:
        return None
    return session.runs.filter(kind=RunKind.VERIFY, state__in=OPEN_RUN_STATES).first()


def steps_context(
    sitting: Sitting, typed: dict[str, str], reviews: dict[str, Review] | None = None
) -> list[dict]:
    runs = queries.latest_runs(sitting.session) if sitting.session else {}
    answers = work_queries.answers(sitting.attempt) if sitting.attempt else {}
    opened = work_queries.hints_opened(sitting.attempt) if sitting.attempt else {}
    drafts = work_queries.drafts(sitting.attempt) if sitting.attempt else {}
    has_causes = any(step.when for step in sitting.lab.steps)
    reasons = queries.failing_reasons(sitting.attempt) if sitting.attempt and has_causes else {}
    predicted = predictions_context(sitting, typed)
    values = argv_values(sitting.session)
    drawn = sitting.attempt.parameters if sitting.attempt else {}
    printed = printed_by(runs) if sitting.lab.plots else {}
    return [
        {
            "edit": edit_context(sitting.lab, step, values, drafts.get(step.key)),
            "review": (reviews or {}).get(step.key),
            "spec": step,
            "body": fill_prose(step.body(page_language()), values or drawn),
            "hints": hints_context(sitting, step, opened.get(step.key, []), reasons, values or drawn),
            "argv_text": command_text(step, values),
            "place": place_text(step, sitting.session),
            "manifest_text": manifest_text(sitting.lab, step, values),
            "is_run": step.kind in RUN_STEPS,
            "run": runs.get(step.key),
            "answer": answers.get(step.key),
            "prediction": predicted.get(step.key),
            "typed": typed.get(step.key),
            "skipped": why_skipped(sitting.session.cluster, step.needs) if sitting.session else "",
            "is_locked": bool(step.before) and step.before not in answers,
            "plots": shown_at(step, sitting.lab, printed),
        }
        for step in sitting.lab.steps
    ]


def is_done(step: dict) -> bool:
    return step["run"] is not None or step["answer"] is not None


def step_context(sitting: Sitting, step: Step, typed: dict[str, str] | None = None) -> dict:
    steps = steps_context(sitting, typed or {})
    return {**frame_context(sitting), "step": next(each for each in steps if each["spec"] is step)}


def argv_values(session: LabSession | None) -> dict | None:
    """What fills the commands in, or None while the pods have no addresses."""
    if session is None or session.state not in USABLE_SESSION_STATES:
        return None
    return queries.step_values(session)


def command_text(step: Step, values: dict | None) -> str:
    """The exact command, to be read and copied; empty while it cannot be known."""
    return work.spell_argv(_known(lambda: command_of(step, values), values) or [])


def place_text(step: Step, session: LabSession | None) -> str:
    """Where it runs: a pod, a node, or a pod's link at its node."""
    bindings = session.bindings if session else None
    node = _known(lambda: node_of(step, bindings), bindings)
    return " @ ".join(filter(None, (step.pod, node)))


def manifest_text(lab: LabSpec, step: Step, values: dict | None) -> str:
    return _known(lambda: manifest_of(lab, step, values), values) or "" if step.manifest else ""


def hints_context(
    sitting: Sitting, step: Step, opened: list[int], reasons: Mapping[str, str], values: dict
) -> dict:
    """The hints that may be read, and the number of the next one; all are free once all is proven.

    `about` is the failing condition a hint speaks of, if it was written for one.
    """
    attempt = sitting.attempt
    is_free = attempt is not None and attempt.passed_at is not None
    shown = range(1, len(step.hints) + 1) if is_free else opened
    ahead = [] if is_free else hints_ahead(step.hints, opened, reasons)
    return {
        "shown": [
            {"text": fill_prose(hint.current(), values), "about": about(sitting.lab, hint)}
            for hint in (step.hints[number - 1] for number in shown if number <= len(step.hints))
        ],
        "is_free": is_free,
        "next": ahead[0] if ahead else None,
        "next_about": about(sitting.lab, step.hints[ahead[0] - 1]) if ahead else None,
        "rung": len(opened) + 1,
        "total": len(opened) + len(ahead),
    }


def about(lab: LabSpec, hint: Hint) -> Text | None:
    return lab.condition(hint.cause.condition).title if hint.cause else None


def edit_context(lab: LabSpec, step: Step, values: dict | None, draft: Draft | None) -> dict | None:
    """The text to edit, what it was at first and what was put aside; None while it cannot be known."""
    original = manifest_text(lab, step, values) if step.kind == StepKind.EDIT else ""
    if not original:
        return None
    mine, before = (draft.text, draft.before) if draft else ("", "")
    return {"text": mine or original, "original": original, "before": before}


def _known(fill_in: Callable, facts: dict | None):
    """None while the pods have no addresses, or a pod it names has none: the student has deleted it, say."""
    if not facts:
        return None
    try:
        return fill_in()
    except SubstitutionError:
        return None


def conditions_context(sitting: Sitting) -> list[dict]:
    passes = {each.condition: each for each in sitting.attempt.passes.all()} if sitting.attempt else {}
    results = queries.latest_results(sitting.attempt) if sitting.attempt else {}
    skipped = sitting.attempt.skipped if sitting.attempt else {}
    return [
        {
            "spec": condition,
            "result": results.get(condition.key),
            "passed": passes.get(condition.key),
            "skipped": skipped.get(condition.key),
        }
        for condition in sitting.lab.conditions
    ]


def verdicts_context(sitting: Sitting) -> dict:
    return {**frame_context(sitting), "conditions": conditions_context(sitting)}


def terminal_pods(lab: LabSpec) -> list[str]:
    """The pods one may type in, those of the terminal steps first."""
    named = [step.pod for step in lab.steps if step.kind == StepKind.TERMINAL]
    return list(dict.fromkeys([*named, *(pod.name for pod in lab.pods)]))


def panes_context(lab: LabSpec) -> list[dict]:
    return [
        {"name": pane, "step_keys": [step.key for step in lab.steps if step.pane == pane]}
        for pane in lab.panes
    ]


def waiting_for(lab: LabSpec, step: Step) -> list[str]:
    """The steps an answer to `step` may unlock."""
    return [each.key for each in lab.steps if step.kind == StepKind.PREDICT and each.before == step.key]
