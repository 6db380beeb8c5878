"""What was proven, and what not, from packets and answers.

`observing` gathers what the platform itself saw; the twins `reach`, `capture` and `answer` judge
it and know no cluster. A verdict is `undecided` when the platform's own probe or capture broke:
that is never a pass, and never the student's fault. The text of a pane is never looked at.
"""

from k8s_tasks.checks.judging import judge

__all__ = ["judge"]
