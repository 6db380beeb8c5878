"""For health checks: `beats.py streams|verify|watcher` ends well while Redis holds that service's beat."""

import os
import sys
from pathlib import Path

import redis

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from k8s_tasks.redis_keys import service_beat

if __name__ == "__main__":
    client = redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=3)
    sys.exit(0 if client.exists(service_beat(sys.argv[1])) else f"{sys.argv[1]} gives no sign of life")
