"""For authors: check the course's files, play labs as a student would, begin a new lab."""

import asyncio
import datetime
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from redis.exceptions import RedisError

from curriculum.course import CONTENT, get_course, load_course
from curriculum.problems import CourseError
from curriculum.publish import FILE_KINDS, publish_keys, publish_schema
from curriculum.recordings import FOLDER, recording_lacks
from curriculum.scaffold import ScaffoldError, new_lab, unwritten
from curriculum.specs import LabSpec
from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.course_table import TableError, table_of_course
from k8s_tasks.domain.runs import RunError
from k8s_tasks.domain.sessions import SessionError
from k8s_tasks.models import Cluster
from k8s_tasks.plays import PlayError, plays_of
from k8s_tasks.recording import record_lab, write_recording
from k8s_tasks.solving import Outcome, await_preflight, play_all, solver, table_of

NOT_AS_PROMISED, NOT_PLAYED = 1, 2
TABLE = Path("docs/course.md")


class Command(BaseCommand):
    help = "For authors of labs: lint the course, play, record and preview its labs, begin new ones."
    # The course is files: authors need no database and no pages to check them.
    requires_system_checks = []

    def add_arguments(self, parser):
        acts = parser.add_subparsers(dest="act", required=True)
        lint = acts.add_parser("lint", help="check every file of the course")
        lint.add_argument("--content", type=Path, default=CONTENT, help="folder of the course")
        self._add_solve(acts.add_parser("solve", help="play solutions and mutants on the running portal"))
        self._add_record(acts.add_parser("record", help="keep what each step of the solution prints"))
        preview = acts.add_parser("preview", help="one lab in the browser, with what is to be mended in it")
        preview.add_argument("lab", metavar="LAB", help="slug of the lab")
        new = acts.add_parser("new", help="begin a lab: a folder that can be played at once")
        new.add_argument("chapter", help="folder of the chapter, such as 02-addressing")
        new.add_argument("slug", help="name of the lab's folder")
        new.add_argument("--number", required=True, help="number in the course, such as 2.4")
        new.add_argument("--title-pt", required=True)
        new.add_argument("--title-en", required=True)
        new.add_argument("--content", type=Path, default=CONTENT)
        schema = acts.add_parser("schema", help="print the JSON Schema of a file")
        schema.add_argument("file", choices=sorted(FILE_KINDS))
        acts.add_parser("keys", help="print the tables of docs/authoring.md")
        table = acts.add_parser("table", help="write docs/course.md out of what `solve --json` has measured")
        table.add_argument(
            "results", nargs="+", type=Path, help="of two results of a play the later file's counts"
        )
        table.add_argument("--to", type=Path, default=settings.BASE_DIR / TABLE)

    def _add_solve(self, solve):
        solve.add_argument("labs", nargs="*", metavar="LAB", help="slugs of labs")
        solve.add_argument("--all", action="store_true", help="every lab of the course")
        solve.add_argument("--play", help="only this one: solution, do-nothing, or the name of a mutant")
        solve.add_argument("--cluster", help="name of a registered cluster")
        solve.add_argument("--repeat", type=int, default=1, help="how often each play is played")
        solve.add_argument("--jobs", type=int, default=2, help="how many are played at the same time")
        solve.add_argument("--json", type=Path, help="file for the results")

    def _add_record(self, record):
        record.add_argument("labs", nargs="*", metavar="LAB", help="slugs of labs")
        record.add_argument("--all", action="store_true", help="labs without a good recording")
        record.add_argument("--again", action="store_true", help="with --all: really every lab")
        record.add_argument("--cluster", help="name of a registered cluster")

    def handle(self, *args, act, **options):
        getattr(self, act)(**options)

    def lint(self, content: Path, **options):
        try:
            course = load_course(content)
        except CourseError as error:
            raise CommandError(f"{len(error.problems)} problem(s):\n{error}") from None
        if left := unwritten(content):
            raise CommandError("TODO is left in:\n" + "\n".join(left))
        for lab in course.labs:
            if lack := recording_lacks(lab):
                place = (lab.folder / FOLDER).relative_to(content)
                self.stdout.write(f"warning: {place}: {lack}; make one: manage.py labs record {lab.slug}")
        self.stdout.write(f"{len(course.chapters)} chapters and {len(course.labs)} lab(s), nothing to mend")

    def preview(self, lab: str, **options):
        """A portal of its own, which reads the course again when a file changes."""
        try:
            get_course().lab(lab)
        except CourseError as error:
            raise CommandError(f"mend this first, then it can be shown:\n{error}") from None
        except KeyError:
            raise CommandError(f"there is no lab {lab!r}") from None
        command = [sys.executable, str(settings.BASE_DIR / "deploy/local/preview.py"), lab]
        os.execv(command[0], command)  # Ctrl-C is then the portal's alone

    def schema(self, file: str, **options):
        self.stdout.write(publish_schema(file), ending="")

    def keys(self, **options):
        self.stdout.write(publish_keys())

    def table(self, results: list[Path], to: Path, **options):
        told = [each for file in results for each in json.loads(file.read_text())]
        today = datetime.datetime.now(datetime.UTC).date()
        try:
            to.write_text(table_of_course(get_course(), told, on=today))
        except TableError as error:
            raise CommandError(f"these labs have no good result:\n{error}", returncode=NOT_PLAYED) from None
        self.stdout.write(f"{to}: {len(get_course().labs)} labs")

    def new(self, content, chapter, slug, number, title_pt, title_en, **options):
        try:
            folder = new_lab(content / chapter, slug, number, {"pt-br": title_pt, "en": title_en})
        except ScaffoldError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{folder} is there; write what it says TODO about, then: manage.py labs lint")

    def solve(self, labs, play, cluster, repeat, jobs, **options):
        chosen = _chosen(labs, everything=options["all"])
        plays = [(lab, each) for lab in chosen for each in plays_of(lab) if play in (None, each.name)]
        if not plays:
            raise CommandError(f"no lab has a play {play!r}", returncode=NOT_PLAYED)
        with _portal():
            await_preflight([lab for lab, _ in plays], _cluster(cluster))
            played = play_all(plays * repeat, jobs=jobs, cluster=_cluster(cluster), tell=self._tell)
            outcomes = asyncio.run(played)
        self.stdout.write("\n" + table_of(outcomes))
        if options["json"]:
            options["json"].write_text(json.dumps([each.told() for each in outcomes], indent=1) + "\n")
        _fail_if_wrong(outcomes)

    def record(self, labs, cluster, again, **options):
        chosen = _chosen(labs, everything=options["all"])
        wanted = [lab for lab in chosen if labs or again or recording_lacks(lab)]
        with _portal():
            await_preflight(wanted, _cluster(cluster))
            broke = [lab.slug for lab in wanted if not self._record(lab, _cluster(cluster))]
        if broke:
            raise CommandError(f"could not be recorded: {', '.join(broke)}", returncode=NOT_PLAYED)
        self.stdout.write(f"{len(wanted)} recorded, {len(chosen) - len(wanted)} were good already")

    def _record(self, lab: LabSpec, cluster: Cluster | None) -> bool:
        try:
            recorded = asyncio.run(record_lab(solver(1), lab, cluster=cluster))
        except (PlayError, RunError, SessionError, ClusterError) as error:
            self.stdout.write(f"{lab.slug}: {error}")
            return False
        write_recording(lab, recorded)
        missing = f"; no output of {', '.join(recorded.missing)}" if recorded.missing else ""
        self.stdout.write(f"{lab.slug}: {recorded.size // 1000} kB{missing}")
        return True

    def _tell(self, outcome: Outcome):
        mark = "ok" if outcome.is_right else "WRONG"
        mark = "lacks" if outcome.lacks else mark
        self.stdout.write(f"{mark:6}{outcome.seconds:6.1f} s  {outcome.name}", ending="\n")
        for sentence in outcome.wrong or [outcome.broke] * bool(outcome.broke):
            self.stdout.write(f"       ! {sentence}")
        for sentence in outcome.again:
            self.stdout.write(f"       run once more: {sentence}")
        self.stdout.flush()


def _fail_if_wrong(outcomes: list[Outcome]) -> None:
    broken = sorted({each.name for each in outcomes if each.broke})
    wrong = sorted({each.name for each in outcomes if each.wrong})
    if wrong:
        raise CommandError(f"not as promised: {', '.join(wrong)}", returncode=NOT_AS_PROMISED)
    if broken:
        raise CommandError(f"could not be played: {', '.join(broken)}", returncode=NOT_PLAYED)


@contextmanager
def _portal() -> Iterator[None]:
    """What needs a running portal; says so where there is none."""
    try:
        yield
    except (DatabaseError, RedisError) as error:
        told = f"no portal runs here ({error}); start one with `make run`, or play all by `make labs`"
        raise CommandError(told, returncode=NOT_PLAYED) from None


def _chosen(slugs: list[str], *, everything: bool) -> list[LabSpec]:
    if bool(slugs) == everything:
        raise CommandError("name labs, or say --all", returncode=NOT_PLAYED)
    try:
        return [get_course().lab(slug) for slug in slugs] or list(get_course().labs)
    except KeyError as error:
        raise CommandError(f"there is no lab {error}", returncode=NOT_PLAYED) from None


def _cluster(name: str | None) -> Cluster | None:
    if name is None:
        return None
    try:
        return Cluster.objects.get(name=name)
    except Cluster.DoesNotExist:
        known = ", ".join(Cluster.objects.values_list("name", flat=True)) or "none"
        raise CommandError(
            f"there is no cluster {name!r}; known are {known}", returncode=NOT_PLAYED
        ) from None
