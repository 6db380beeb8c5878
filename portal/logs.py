"""What is kept out of the log. It is imported while logging is set up: no models here."""

import logging

from opentelemetry import trace

PROBES = ("/healthz", "/readyz")


class NotHealth(logging.Filter):
    """Drops Django's ERROR line for a 503 of `/healthz` or `/readyz`: while the services start it is asked
    several times a second, and "not yet" is its very answer. The view logs what is missing."""

    def filter(self, record):
        request = getattr(record, "request", None)
        return request is None or request.path not in PROBES


class Traced(logging.Filter):
    """Gives every line the id of the trace it belongs to, empty where nothing is traced."""

    def filter(self, record):
        context = trace.get_current_span().get_span_context()
        record.trace_id = trace.format_trace_id(context.trace_id) if context.is_valid else ""
        return True
