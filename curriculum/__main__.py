"""`python -m curriculum`: read the course and keep it, so that no process of the portal has to.

With --findings it prints what the linter says, as JSON.
"""

import argparse
import json
import sys
from pathlib import Path

from curriculum.course import CONTENT, load_course
from curriculum.findings import findings_of
from curriculum.kept import kept_course
from curriculum.problems import CourseError

parser = argparse.ArgumentParser(prog="python -m curriculum", description=__doc__)
parser.add_argument("folder", nargs="?", type=Path, default=CONTENT)
parser.add_argument("--findings", action="store_true")
asked = parser.parse_args()
if asked.findings:
    print(json.dumps(findings_of(asked.folder)))
    sys.exit()
try:
    kept_course(asked.folder, load_course)
except CourseError as error:
    sys.exit(f"the course has {len(error.problems)} problem(s):\n{error}")
