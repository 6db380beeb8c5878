"""The portal's settings for tests: a state folder of their own, gone when they end.

Django reads its settings before any fixture runs, so what the tests must not share with a portal
that runs on this machine (database, Redis socket, files) is settled here. DATABASE_URL names a
PostgreSQL server to test on, in databases that the tests make and drop.
"""

import atexit
import os
import secrets
import shutil
import tempfile
from pathlib import Path

import dj_database_url

from deploy.local.own_database import SERVER
from portal.options import OPTIONS as _KNOWN

_STATE = Path(tempfile.mkdtemp(prefix="redes-test-"))
_OWNER = os.getpid()


def _remove_state() -> None:
    if os.getpid() == _OWNER:  # not in a forked child
        shutil.rmtree(_STATE, ignore_errors=True)


atexit.register(_remove_state)
_SERVER = os.environ.get("DATABASE_URL") or os.environ.get(SERVER, "")
for _option in _KNOWN:
    os.environ.pop(_option.name, None)
(_STATE / "run").mkdir(mode=0o700)
os.environ["STATE_DIR"] = str(_STATE)
os.environ["REDIS_URL"] = f"unix://{_STATE / 'run' / 'redis.sock'}"

from portal.settings import *  # noqa: E402, F403
from portal.settings import DATABASES  # noqa: E402

if _SERVER:
    os.environ[SERVER] = _SERVER  # for each portal that a test starts, and for the processes of `pytest -n`
    DATABASES["default"] = dj_database_url.parse(_SERVER)
    DATABASES["default"]["TEST"] = {"NAME": f"redes_test_{secrets.token_hex(6)}"}
else:
    # A file, not memory, so that a worker in another process can see what a test wrote.
    DATABASES["default"]["TEST"] = {"NAME": str(_STATE / "test.sqlite3")}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
