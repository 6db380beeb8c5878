"""What is kept out of the log. It is imported while logging is set up: no models here."""

import logging

HEALTHZ = "/healthz"


class NotHealth(logging.Filter):
    """Drops Django's ERROR line for a 503 of `/healthz`: while the services start it is asked
    several times a second, and "not yet" is its very answer. The view logs what is missing."""

    def filter(self, record):
        request = getattr(record, "request", None)
        return request is None or request.path != HEALTHZ
