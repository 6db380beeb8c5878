"""What the meter reckons from what containers have spent, with containers and a clock of our own."""

from types import SimpleNamespace

from netlab.node import usage

POD = {"metadata": {"uid": "pod"}}


def container(spent: float, *, began: float, spent_before: float):
    counted = SimpleNamespace(usage=lambda uid, run: (spent, 1024))
    return SimpleNamespace(
        id="pod-main-1",
        name="main",
        run="main-1",
        began=began,
        spent_before=spent_before,
        sandbox=SimpleNamespace(uid="pod"),
        bounds=counted,
    )


def cores(monkeypatch, now: float, one) -> float:
    monkeypatch.setattr(usage.time, "monotonic", lambda: now)
    meter = usage.Meter(SimpleNamespace(running_containers=lambda: [one]))
    return meter.usage([POD])["pod"]["main"].cores


def test_what_the_runtime_spent_on_the_start_is_not_the_containers(monkeypatch):
    """The start takes tens of milliseconds of CPU, which are much beside a window as short."""
    fresh = container(0.065, began=100.0, spent_before=0.06)
    assert round(cores(monkeypatch, 100.05, fresh), 3) == 0.1


def test_a_busy_container_uses_what_it_uses(monkeypatch):
    busy = container(2.06, began=100.0, spent_before=0.06)
    assert round(cores(monkeypatch, 102.0, busy), 3) == 1.0
