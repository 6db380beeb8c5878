"""A lab's recording: what every step printed when the solution was played on a real cluster.

`manage.py labs record` writes it to the lab's folder `recorded/`: `index.json`, and `STEP.cast` for each step
that printed something. It is no part of the lab's version, or making one would change what it was made of.
"""

from dataclasses import dataclass
from pathlib import Path

from curriculum.casts import Event, read_events
from curriculum.schema import KEY_PATTERN, derived, told
from curriculum.text import Text

FOLDER, INDEX = "recorded", "index.json"
LARGEST = 300_000  # bytes of a lab's whole recording
# What decides the output. Prose, hints and mutants may change and a recording still be true.
MADE_OF = ("lab.yaml", "solution.yaml", "manifests", "objects", "deck", "solution")


@dataclass(frozen=True, kw_only=True)
class RecordedStep:
    """What came of the last run of a step, or what was answered at it."""

    key: str = told("the step", pattern=KEY_PATTERN)
    command: str = told("what was run, as one types it", default="")
    place: str = told("pod or node it ran on", default="")
    state: str = told("how the run ended; `running` when it went on to the end", default="")
    exit_code: int | None = told("exit code of a run that ended by itself", default=None)
    left_out: int = told("bytes of output that are not kept", default=0, minimum=0)
    answer: str = told("what was answered", default="")
    text: str = told("what was applied", default="")


@dataclass(frozen=True, kw_only=True)
class Recording:
    """Where, when and from what it was made, with the values that fill the lab's templates in."""

    version: str = told("version of the lab it was made from")
    made_of: str = told("hash of what decides the output")
    date: str = told("day it was made, in UTC")
    cluster: str = told("kind of cluster")
    kubernetes: str = told("version the cluster gave")
    kernel: str = told("kernel of the node that ran the first pod")
    seed: int = told("seed of the attempt", minimum=0)
    parameters: dict[str, object] = told("what was drawn from the seed")
    values: dict[str, object] = told("what the cluster decided: namespaces, addresses, nodes")
    steps: tuple[RecordedStep, ...] = told("what came of the steps, in their order")
    conditions: dict[str, Text] = told("why each condition was proven")
    folder: Path = derived()

    def step(self, key: str) -> RecordedStep | None:
        """None for a step that was not done, or is new."""
        return next((step for step in self.steps if step.key == key), None)

    def cast_file(self, key: str) -> Path | None:
        """None for a step that printed nothing."""
        file = self.folder / f"{key}.cast"
        return file if self.step(key) and file.is_file() else None

    def events(self, key: str) -> list[Event]:
        file = self.cast_file(key)
        return read_events(file.read_text("utf-8")) if file else []


def recording_lacks(lab) -> str:
    """Why the lab's recording should be made anew, for its author; empty when it is there and true."""
    if lab.recording is None:
        return "there is no recording"
    if lab.recording.made_of != lab.made_of:
        return "the recording is older than the lab's steps, objects or solution"
    return ""
