"""The plots of a lab, as tables that a script draws; who does not see the drawing reads the table."""

from collections.abc import Mapping
from dataclasses import dataclass

from curriculum.casts import plain_text, read_events
from curriculum.plots import Plot, Row, rows_of
from curriculum.specs import LabSpec, Step
from k8s_tasks.models import Run
from k8s_tasks.transcripts import as_cast


@dataclass(frozen=True)
class ShownPlot:
    """`id` is unique on the page."""

    id: str
    spec: Plot
    rows: list[Row]


def printed_by(runs: Mapping[str, Run]) -> dict[str, str]:
    """What each step's newest run printed, once it has ended; an older one's points are no longer true."""
    return {key: plain_text(read_events(as_cast(run))) for key, run in runs.items() if run.ended_at}


def shown_at(step: Step, lab: LabSpec, printed: Mapping[str, str]) -> list[ShownPlot]:
    """The plots that stand at a step. In the order of the lab's steps, whenever each was run."""
    outputs = [printed[each.key] for each in lab.steps if each.key in printed]
    return [
        ShownPlot(f"plot-{step.key}-{key}", lab.plots[key], rows_of(outputs, key, lab.plots[key]))
        for key in step.plots
    ]
