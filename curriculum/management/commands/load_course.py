"""Make the database's labs and what search finds agree with the course's files. Safe to run again."""

from django.core.management.base import BaseCommand, CommandError

from curriculum.course import get_course
from curriculum.domain import sync_labs
from curriculum.problems import CourseError
from curriculum.search import index_course


class Command(BaseCommand):
    help = (
        "Load the course: read its files and make the database's labs and what search finds agree with them."
    )

    def handle(self, *args, **options):
        try:
            offered, withdrawn = sync_labs(get_course())
            passages = index_course(get_course())
        except CourseError as error:
            raise CommandError(f"the course has mistakes:\n{error}") from None
        self.stdout.write(f"{offered} lab(s) offered, {withdrawn} withdrawn; {passages} passages to search")
