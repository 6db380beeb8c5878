"""For authors: play the solutions and mutants of labs on the running portal's cluster."""

import asyncio

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from curriculum.course import get_course
from curriculum.specs import LabSpec, Play
from k8s_tasks.domain.runs import RunError
from k8s_tasks.domain.sessions import SessionError
from k8s_tasks.plays import PlayError, misjudged, play_lab, plays_of

SOLVER = "solver"


class Command(BaseCommand):
    help = "Play labs' solutions and mutants: the right one must pass, each wrong one must fail as it says."

    def add_arguments(self, parser):
        parser.add_argument("labs", nargs="*", metavar="LAB", help="slugs of labs; without one, all labs")
        parser.add_argument("--play", help="only this play: solution, or the name of a mutant")

    def handle(self, *args, labs, play, **options):
        plays = [(lab, each) for lab in _chosen(labs) for each in plays_of(lab)]
        plays = [(lab, each) for lab, each in plays if play in (None, each.name)]
        if not plays:
            raise CommandError(f"no lab has a play {play!r}")
        wrong = [f"{lab.slug}/{each.name}" for lab, each in plays if not self.play(lab, each)]
        if wrong:
            raise CommandError(f"not as promised: {', '.join(wrong)}")

    def play(self, lab: LabSpec, play: Play) -> bool:
        try:
            results = asyncio.run(play_lab(_solver(), lab, play))
        except (PlayError, RunError, SessionError) as error:
            self.stdout.write(f"{lab.slug}/{play.name}: broke: {error}")
            return False
        wrong = misjudged(play, results)
        told = ", ".join(f"{key} {result.verdict}" for key, result in results.items())
        self.stdout.write("\n  ! ".join([f"{lab.slug}/{play.name}: {told}", *wrong]))
        return not wrong


def _chosen(slugs: list[str]) -> list[LabSpec]:
    try:
        return [get_course().lab(slug) for slug in slugs] or list(get_course().labs)
    except KeyError as error:
        raise CommandError(f"there is no lab {error}") from None


def _solver():
    """The student who plays: an account nobody can log in to."""
    solver, is_new = get_user_model().objects.get_or_create(username=SOLVER, defaults={"is_active": False})
    if is_new:
        solver.set_unusable_password()
        solver.save()
    return solver
