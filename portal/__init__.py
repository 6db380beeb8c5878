"""The Django project and everything people touch: accounts, pages, sockets, classes."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
