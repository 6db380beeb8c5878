"""`python -m curriculum`: read the course and keep it, so that no process of the portal has to."""

import sys

from curriculum.course import CONTENT, load_course
from curriculum.kept import kept_course
from curriculum.problems import CourseError

try:
    kept_course(CONTENT, load_course)
except CourseError as error:
    sys.exit(f"the course has {len(error.problems)} problem(s):\n{error}")
