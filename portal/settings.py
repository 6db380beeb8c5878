"""Django's settings. What an operator may change is in `portal.options`, not here."""

import secrets
from pathlib import Path

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.options import PROJECT, OptionError, database_file, read_options

try:
    OPTIONS = read_options()
except OptionError as error:
    raise ImproperlyConfigured(str(error)) from None

BASE_DIR = PROJECT
STATE_DIR: Path = OPTIONS["STATE_DIR"]
STATE_DIR.mkdir(parents=True, exist_ok=True)


def _local_secret_key() -> str:
    """A key kept in the state folder: good for one machine that listens on loopback only."""
    path = STATE_DIR / "secret_key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text()


def _is_loopback(host: str) -> bool:
    return host in {"127.0.0.1", "::1", "localhost"}


DEBUG = OPTIONS["DEBUG"]
if not OPTIONS["SECRET_KEY"] and not _is_loopback(OPTIONS["HOST"]):
    raise ImproperlyConfigured(f"SECRET_KEY must be set when the portal listens on {OPTIONS['HOST']}.")
SECRET_KEY = OPTIONS["SECRET_KEY"] or _local_secret_key()
EVIDENCE_KEY = OPTIONS["EVIDENCE_KEY"] or str(STATE_DIR / "evidence_key.pem")
ALLOWED_HOSTS = OPTIONS["ALLOWED_HOSTS"]
CSRF_TRUSTED_ORIGINS = OPTIONS["CSRF_TRUSTED_ORIGINS"]

INSTALLED_APPS = [
    "portal.apps.PortalConfig",
    "k8s_tasks.apps.K8sTasksConfig",
    "curriculum.apps.CurriculumConfig",
    "channels",
    "django_htmx",
    "template_partials",
    "csp",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "portal.metrics.measured",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.doors.LoginRequired",
    "portal.language.RememberedLanguage",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "portal.urls"
# Pages are the portal's: so the panel of k8s_tasks learns where a run is shown.
ABSOLUTE_URL_OVERRIDES = {
    "k8s_tasks.run": lambda run: reverse("run", kwargs={"run_id": run.pk}),
    "k8s_tasks.labsession": lambda session: reverse("session-look", kwargs={"session_id": session.pk}),
}
ASGI_APPLICATION = "portal.asgi.application"
AUTH_USER_MODEL = "portal.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "portal.context.portal",
            ],
        },
    },
]

if not OPTIONS["DATABASE_URL"]:
    database_file(STATE_DIR).parent.mkdir(mode=0o700, exist_ok=True)
DATABASES = {
    "default": dj_database_url.parse(OPTIONS["DATABASE_URL"] or f"sqlite:///{database_file(STATE_DIR)}")
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # WAL lets pages read while a worker writes; IMMEDIATE takes the write lock at once, so that
    # a busy database waits instead of failing half-way through a transaction.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if OPTIONS['EMAIL_HOST'] else 'console'}.EmailBackend"
EMAIL_HOST, EMAIL_PORT = OPTIONS["EMAIL_HOST"], OPTIONS["EMAIL_PORT"]
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = OPTIONS["EMAIL_HOST_USER"], OPTIONS["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS = OPTIONS["EMAIL_USE_TLS"]
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = OPTIONS["EMAIL_FROM"]

LANGUAGE_CODE = "pt-br"
LANGUAGES = [("pt-br", _("Portuguese")), ("en", _("English"))]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = STATE_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": STATE_DIR / "files"},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Assets are read from the source folders: `make run` needs no collectstatic.
WHITENOISE_USE_FINDERS = True
# On one's own machine assets are rebuilt under a running server; the sizes WhiteNoise notes at its
# start would then cut them short. Looking again costs a few stat calls per asset.
WHITENOISE_AUTOREFRESH = DEBUG or _is_loopback(OPTIONS["HOST"])

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SAMESITE = "Lax"
# An https origin is named: a proxy ends TLS in front of us, and cookies must not travel without it.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = any(each.startswith("https://") for each in CSRF_TRUSTED_ORIGINS)

REDIS_URL = OPTIONS["REDIS_URL"] or f"unix://{STATE_DIR / 'run' / 'redis.sock'}"
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 5
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "verify"
# A worker that dies gives its late-acknowledged work back after this time, not after 100 s more
# (kombu 5.7's two options). That work is shorter, and safe to run twice; what runs for minutes is
# acknowledged at once. redis-py 8 closes idle sockets after 5 s unless told otherwise.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 20,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "unacked_mutex_expire": 10,  # one that dies while it gives work back must not stop all others for 300 s
    "socket_timeout": None,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "fmt": ["asctime", "levelname", "name", "message", "trace_id"],
            "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
        },
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": OPTIONS["LOG_FORMAT"],
            "filters": ["traced"],
        }
    },
    "filters": {"not_health": {"()": "portal.logs.NotHealth"}, "traced": {"()": "portal.logs.Traced"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "httpx": {"level": "WARNING"},
        "kubernetes": {"level": "WARNING"},
        "django.request": {"filters": ["not_health"]},
    },
}
