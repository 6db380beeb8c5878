"""For authors: check the course's files, and show the schemas they must fit."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from curriculum.course import CONTENT, load_course
from curriculum.problems import CourseError
from curriculum.publish import FILE_KINDS, publish_keys, publish_schema


class Command(BaseCommand):
    help = "For authors of labs: lint the course, or show a file's JSON Schema."
    # The course is files: authors need no database and no pages to check them.
    requires_system_checks = []

    def add_arguments(self, parser):
        acts = parser.add_subparsers(dest="act", required=True)
        lint = acts.add_parser("lint", help="check every file of the course")
        lint.add_argument("--content", type=Path, default=CONTENT, help="folder of the course")
        schema = acts.add_parser("schema", help="print the JSON Schema of a file")
        schema.add_argument("file", choices=sorted(FILE_KINDS))
        acts.add_parser("keys", help="print the tables of docs/authoring.md")

    def handle(self, *args, act, **options):
        if act == "lint":
            self.lint(options["content"])
        elif act == "keys":
            self.stdout.write(publish_keys())
        else:
            self.stdout.write(publish_schema(options["file"]), ending="")

    def lint(self, content: Path):
        try:
            course = load_course(content)
        except CourseError as error:
            raise CommandError(f"{len(error.problems)} problem(s):\n{error}") from None
        self.stdout.write(f"{len(course.chapters)} chapters and {len(course.labs)} lab(s), nothing to mend")
