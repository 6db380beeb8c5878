"""What was done in the panel: kept in every language, as the reasons of verdicts are, and read in
the reader's own. What Django itself keeps of a form it translates by itself."""

import json

from django.contrib.admin.models import LogEntry

from curriculum.text import Text
from k8s_tasks.speech import in_all_languages


def record_of(sentence: str, **facts) -> str:
    """The change message of a LogEntry; `sentence` is a msgid marked by gettext_noop. A fact may be a dict
    by language."""
    return json.dumps(in_all_languages(sentence, **facts), ensure_ascii=False)


def told(entry: LogEntry) -> str:
    """In the reader's language; one that was kept as a plain sentence stays as it is."""
    if not entry.change_message.startswith("{"):
        return entry.get_change_message()
    try:
        return str(Text(json.loads(entry.change_message)))
    except ValueError:
        return entry.change_message
