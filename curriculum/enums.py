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
    TERMINAL = "terminal", _("Terminal")
    PREDICT = "predict", _("Prediction")
    ANSWER = "answer", _("Answer")


class ConditionKind(models.TextChoices):
    REACH = "reach", _("Reachability")
    CAPTURE = "capture", _("Capture")
    ANSWER = "answer", _("Answer")


class ParameterKind(models.TextChoices):
    NUMBER = "number", _("Number")
    WORD = "word", _("Word")


class Accepts(models.TextChoices):
    TEXT = "text", _("Text")
    NUMBER = "number", _("Number")


class Capability(StrEnum):
    """What a lab may require of a cluster, and a preflight measures there."""

    NETEM = "netem"
    DELAY = "delay"
    IPVS = "ipvs"
    NFTABLES = "nftables"
    NETWORKPOLICY = "networkpolicy"
    LOADBALANCER = "loadbalancer"
    INGRESS = "ingress"
    CERTIFICATES = "certificates"
    EBPF = "ebpf"
    BBR = "bbr"
    METRICS = "metrics"
