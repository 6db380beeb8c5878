"""What happens to a student's work, for those above who want to hear it. Sent within the transaction."""

from django.dispatch import Signal

attempt_passed = Signal()  # attempt: Attempt, passed this moment
