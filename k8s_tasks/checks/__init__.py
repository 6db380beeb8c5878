"""What was proven, and what not, from packets, objects and answers.

A `Round` (round.py) is one look at a session that all its conditions share; each kind of condition
is a module with `check(settings, round)`, whose judging is apart from its looking and knows no
cluster. A verdict is `undecided` when the platform's own probe or capture broke: that is never a
pass, and never the student's fault. The text of a student's pane is never looked at.
"""

from k8s_tasks.checks.judging import judge, judge_condition

__all__ = ["judge", "judge_condition"]
