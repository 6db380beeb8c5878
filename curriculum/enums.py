"""The words in which the course is written down."""

from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _


class Verdict(models.TextChoices):
    PASS = "pass", _("Proven")
    FAIL = "fail", _("Not yet")
    UNDECIDED = "undecided", _("Undecided")


class StepKind(models.TextChoices):
    READ = "read", _("Read")
    EXEC = "exec", _("Command")
    STREAM = "stream", _("Live command")
    APPLY = "apply", _("Manifest")
    EDIT = "edit", _("Manifest to edit")
    NODE = "node", _("Command on a node")
    ADDON = "addon", _("What an add-on says")
    CAPTURE = "capture", _("Live capture")
    IMPAIR = "impair", _("Impairment")
    PROXY = "proxy", _("Mode of kube-proxy")
    TERMINAL = "terminal", _("Terminal")
    PREDICT = "predict", _("Prediction")
    ANSWER = "answer", _("Answer")


# What a button runs; the others are read, typed or answered.
RUN_STEPS = (
    StepKind.EXEC,
    StepKind.STREAM,
    StepKind.APPLY,
    StepKind.NODE,
    StepKind.ADDON,
    StepKind.CAPTURE,
    StepKind.IMPAIR,
    StepKind.PROXY,
)
LIVE_STEPS = (StepKind.STREAM, StepKind.CAPTURE)  # they go on until somebody ends them


class ConditionKind(models.TextChoices):
    REACH = "reach", _("Reachability")
    MATRIX = "matrix", _("Reachability matrix")
    OBJECT = "object", _("Objects")
    COMMAND = "command", _("Command")
    LOSS = "loss", _("Loss")
    BALANCE = "balance", _("Balance")
    AFFINITY = "affinity", _("Affinity")
    REMAP = "remap", _("Keys that move")
    RATE = "rate", _("Rate")
    CAPTURE = "capture", _("Capture")
    THROUGHPUT = "throughput", _("Throughput")
    TLS = "tls", _("TLS")
    DNS = "dns", _("DNS")
    ANSWER = "answer", _("Answer")
    ALL = "all", _("All of them")
    ANY = "any", _("Any of them")
    NOT = "not", _("Not, with a control")
    DURING = "during", _("During a step")
    AFTER = "after", _("After a step")


class ParameterKind(models.TextChoices):
    NUMBER = "number", _("Number")
    WORD = "word", _("Word")


class Asks(models.TextChoices):
    CHOICE = "choice", _("Choice")
    NUMBER = "number", _("Number")
    ORDER = "order", _("Order")


class QuestionKind(StrEnum):
    """What a question of a quiz wants."""

    SINGLE = "single"
    MULTIPLE = "multiple"
    NUMBER = "number"
    TEXT = "text"
    ORDER = "order"


class WhyDrawn(models.TextChoices):
    """Why a question that could read the student's cluster was asked with drawn values."""

    NO_SESSION = "no-session", _("No session of the lab is live")
    NOT_THERE = "not-there", _("The session does not have it yet")
    UNREACHABLE = "unreachable", _("The cluster did not answer")


class Spelling(StrEnum):
    """What a typed answer of a quiz is, and so how it is compared."""

    ADDRESS = "address"
    NETWORK = "network"
    NAME = "name"
    WORD = "word"


class Confidence(models.IntegerChoices):
    """How sure a student is of a prediction, as the percentage of such predictions that would be right."""

    GUESS = 50, _("Guess")
    RATHER_SURE = 75, _("Rather sure")
    SURE = 95, _("Sure")


class PassageKind(models.TextChoices):
    """What a passage that search finds is a part of."""

    CHAPTER = "chapter", _("Chapter")
    SECTION = "section", _("Theory")
    LAB = "lab", _("Lab")
    STEP = "step", _("Step")
    TERM = "term", _("Glossary")


class Accepts(models.TextChoices):
    TEXT = "text", _("Text")
    NUMBER = "number", _("Number")


class Scope(StrEnum):
    """What a session has of a cluster: namespaces on one that others use too, or all of it."""

    NAMESPACE = "namespace"
    EXCLUSIVE = "exclusive"


class Right(StrEnum):
    """What a student may do outside the session's namespaces, on a netlab of the session's own."""

    BALANCER = "balancer"


class Capability(StrEnum):
    """What a lab may require of a cluster, and a preflight measures there."""

    NETEM = "netem"
    DELAY = "delay"
    IPVS = "ipvs"
    NFTABLES = "nftables"
    IPTABLES = "iptables"
    NETWORKPOLICY = "networkpolicy"
    LOADBALANCER = "loadbalancer"
    INGRESS = "ingress"
    HTTP2 = "http2"
    TCP_LISTENER = "tcp-listener"
    CERTIFICATES = "certificates"
    EBPF = "ebpf"
    BBR = "bbr"
    METRICS = "metrics"
