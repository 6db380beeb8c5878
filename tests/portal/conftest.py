"""The people of the portal's tests, and what they have.

Alice is a student in the class of Prof. Paula and has a lab session of her own with runs in it.
Bob is a student too, and Prof. Otto teaches another class: neither may learn of Alice's work.
Root is the administrator. Clusters and workers are not touched: what the doors ask `k8s_tasks` to
do is written down in `asked`.
"""

import gzip
import shutil
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from curriculum import domain as work
from curriculum import quiz_domain
from curriculum.course import CONTENT, get_course
from curriculum.models import Attempt, QuizAttempt
from k8s_tasks import queries, queue
from k8s_tasks.dissection.records import whole_packets
from k8s_tasks.domain import captures, runs, sessions
from k8s_tasks.enums import RunKind, RunState, SessionState
from k8s_tasks.models import Capture, Cluster, LabSession, Run, Transcript
from portal.asgi import application
from portal.certificates import make_certificate
from portal.lti.models import LtiContext, LtiIdentity, LtiMember, LtiPlatform, LtiRole
from portal.models import ApiToken, Assignment, Certificate, Classroom, HelpRequest, Note, Role, User
from portal.tokens import make_token
from tests import workshop
from tests.k8s_tasks.dissection.answers import psml, says
from tests.packets import line, opening, pcap
from tests.portal.socket_client import SocketClient

LAB = "ping-and-netcat"
PLACES = {
    "ana": ("10.244.1.2", "redes-worker"),
    "beto": ("10.244.1.3", "redes-worker"),
    "carla": ("10.244.2.2", "redes-worker2"),
}
BINDINGS = {
    "nodes": [{"name": "redes-worker", "address": "172.18.0.3", "pod_cidr": "10.244.1.0/24"}],
    "pods": [
        {
            "name": name,
            "address": address,
            "node": node,
            "phase": "Running",
            "ready": True,
            "image": "toolbox",
        }
        for name, (address, node) in PLACES.items()
    ],
}


@dataclass
class World:
    alice: User
    bob: User
    paula: User
    otto: User
    root: User
    classroom: Classroom
    attempt: Attempt
    session: LabSession
    run: Run
    terminal: Run
    assignment: Assignment
    quiz: QuizAttempt
    note: Note
    token: ApiToken
    hand: HelpRequest
    certificate: Certificate
    identity: LtiIdentity | None = None
    course: LtiContext | None = None
    unbound: LtiContext | None = None
    editing: LabSession | None = None

    def people(self) -> dict[str, User]:
        return {name: getattr(self, name) for name in ("alice", "bob", "paula", "otto", "root")}


@dataclass
class Asked:
    """What the doors asked of the cluster side, in order; `refusal` makes the next act refuse."""

    acts: list[tuple] = field(default_factory=list)
    refusal: Exception | None = None

    def note(self, act: str, *details):
        if self.refusal:
            raise self.refusal
        self.acts.append((act, *details))


def make_student(name: str) -> User:
    return User.objects.create_user(name, password=f"{name}-secret", first_name=name.title(), language="en")


def make_session(attempt: Attempt, state=SessionState.READY) -> LabSession:
    cluster, _ = Cluster.objects.get_or_create(
        name="netlab", defaults={"is_healthy": True, "is_default": True}
    )
    return LabSession.objects.create(
        attempt=attempt,
        cluster=cluster,
        namespace=f"lab-{LabSession.objects.count()}",
        state=state,
        bindings=BINDINGS,
        expires_at=timezone.now() + timedelta(minutes=30),
    )


def make_run(session: LabSession, **fields) -> Run:
    facts = {"kind": RunKind.COMMAND, "state": RunState.SUCCEEDED, "step": "addresses", "pod": "ana"}
    return Run.objects.create(session=session, requested_by=session.attempt.student, **(facts | fields))


def keep_transcript(run: Run, *lines: str) -> None:
    header = '{"version": 2, "width": 80, "height": 24}'
    Transcript.objects.create(run=run, cast=gzip.compress("\n".join([header, *lines, ""]).encode()))


def keep_packets(run: Run, file: bytes) -> None:
    found = whole_packets(file)
    Capture.objects.create(run=run, pcap=gzip.compress(found.pcap), packets=found.count)


@pytest.fixture
def lab():
    return get_course().lab(LAB)


@pytest.fixture
def world(db, lab) -> World:
    alice, bob = make_student("alice"), make_student("bob")
    paula, otto = (
        User.objects.create_user(name, role=Role.INSTRUCTOR, language="en") for name in ("paula", "otto")
    )
    root = User.objects.create_superuser("root", language="en")
    classroom = Classroom.objects.create(name="Redes 1")
    classroom.instructors.add(paula)
    classroom.students.add(alice)
    other = Classroom.objects.create(name="Redes 2")
    other.instructors.add(otto)
    other.students.add(bob)
    attempt = work.start_attempt(alice, lab)
    session = make_session(attempt)
    run, terminal = make_run(session), make_run(session, kind=RunKind.TERMINAL, step="chat")
    keep_transcript(run, '[0.1, "o", "10.244.1.2"]')
    keep_packets(run, pcap(*opening(), *line()))
    assignment = Assignment.objects.create(classroom=classroom, lab=lab.slug)
    quiz = quiz_domain.start_quiz(alice, get_course().chapter("foundations"))
    note = Note.objects.create(
        classroom=classroom, author=paula, student=alice, lab=lab.slug, text="Look at the TTL."
    )
    make_token(alice, "of a script")
    hand = HelpRequest.objects.create(student=alice, session=session, text="Why no reply?")
    certificate = make_certificate(alice, "foundations", [], is_named=True)
    people = (alice, bob, paula, otto, root, classroom)
    kept = (assignment, quiz, note, ApiToken.objects.get(), hand, certificate)
    return World(*people, attempt, session, run, terminal, *kept)


@pytest.fixture
def courses(world) -> None:
    """A learning platform that Alice has linked: one course bound to her class, and one to none, which she
    teaches there."""
    platform = LtiPlatform.objects.create(name="Canvas", issuer="https://canvas.example", client_id="1")
    identity = LtiIdentity.objects.create(platform=platform, subject="a", user=world.alice, is_linked=True)
    course, unbound = (
        LtiContext.objects.create(platform=platform, deployment_id="1", context_id=name, classroom=bound_to)
        for name, bound_to in (("bound", world.classroom), ("unbound", None))
    )
    LtiMember.objects.create(context=unbound, identity=identity, role=LtiRole.INSTRUCTOR)
    world.identity, world.course, world.unbound = identity, course, unbound


@pytest.fixture(scope="session")
def course_with_workshop(tmp_path_factory) -> Path:
    """One for all tests: to read it takes seconds."""
    course = shutil.copytree(CONTENT, tmp_path_factory.mktemp("with-workshop") / "course")
    workshop.add_lab(course / "01-foundations")
    return course


@pytest.fixture
def editing(world, course_with_workshop, settings) -> LabSession:
    """Alice's session of the workshop, whose step `write` is edited; it stands beside the course's labs."""
    settings.OPTIONS = settings.OPTIONS | {"COURSE": course_with_workshop}
    get_course.cache_clear()
    world.editing = make_session(work.start_attempt(world.alice, get_course().lab(workshop.LAB)))
    web = {**BINDINGS["pods"][0], "name": "web"}
    world.editing.bindings = BINDINGS | {"pods": [*BINDINGS["pods"], web]}
    world.editing.save()
    yield world.editing
    get_course.cache_clear()


@pytest.fixture
def visit(world):
    """`visit(user)`: a browser in which that person is logged in."""

    def log_in(user: User | None) -> Client:
        browser = Client()
        if user is not None:
            browser.force_login(user)
        return browser

    return log_in


@pytest.fixture
def dial_from():
    """`dial_from(browser, path)`: a socket as that browser opens it, not yet connected."""

    def open_socket(
        browser: Client, path: str, *, origin="http://testserver", host="testserver", language="en"
    ):
        cookie = browser.cookies.output(header="", sep=";").strip()
        headers = {"host": host, "origin": origin, "cookie": cookie, "accept-language": language}
        return SocketClient(application, path, headers)

    return open_socket


@pytest.fixture
def dial(world, visit, dial_from):
    """`dial(path, user)`: a socket as that person's browser opens it, not yet connected."""
    browsers = {user: visit(user) for user in (None, *world.people().values())}
    return lambda path, user, **headers: dial_from(browsers[user], path, **headers)


@pytest.fixture
def healthy(monkeypatch) -> dict:
    """The health of the services, all well; a test may break one by changing it."""
    names = ("redis", "database", "streams", "verify", "watcher", "cluster:netlab")
    health = {name: {"ok": True, "detail": ""} for name in names}
    monkeypatch.setattr(queries, "service_health", lambda: health)
    monkeypatch.setattr(queries, "why_not_ready", dict)
    return health


@pytest.fixture
def asked(monkeypatch, healthy) -> Asked:
    asked = Asked()

    def start_session(attempt):
        asked.note("start_session", attempt)
        return make_session(attempt, SessionState.PREPARING)

    def start_run(session, step, *, user):
        asked.note("start_run", step.key, user)
        return make_run(session, step=step.key, state=RunState.QUEUED)

    def start_terminal(session, pod, *, user, columns, rows):
        asked.note("start_terminal", pod, columns, rows)
        return make_run(session, kind=RunKind.TERMINAL, pod=pod, state=RunState.QUEUED)

    def start_verification(session, *, user):
        asked.note("start_verification", user)
        return make_run(session, kind=RunKind.VERIFY, step="", state=RunState.QUEUED)

    monkeypatch.setattr(captures, "_asker", lambda run, packets: says(psml()))
    monkeypatch.setattr(sessions, "start_session", start_session)
    monkeypatch.setattr(sessions, "extend_session", lambda session: asked.note("extend_session", session))
    monkeypatch.setattr(sessions, "reset_session", lambda session: asked.note("reset_session", session))
    monkeypatch.setattr(sessions, "end_session", lambda session, reason: asked.note("end_session", session))
    monkeypatch.setattr(runs, "start_run", start_run)
    monkeypatch.setattr(runs, "start_terminal", start_terminal)
    monkeypatch.setattr(runs, "start_verification", start_verification)
    monkeypatch.setattr(runs, "cancel_run", lambda run, *, reason: asked.note("cancel_run", run))
    return asked


@pytest.fixture
def queued(redis_client, healthy, monkeypatch) -> list[str]:
    """The names of the tasks handed to the workers."""
    names = []
    for module in (queue, runs, sessions):
        monkeypatch.setattr(module, "enqueue", lambda name, *args, **options: names.append(name))
    return names
