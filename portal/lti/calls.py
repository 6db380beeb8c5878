"""HTTP to a platform. No call follows a redirect or waits long, and what is answered is read to a limit."""

import json

import requests

from portal.lti.addresses import is_safe

SECONDS = (4, 8)  # to connect, between two bytes
MOST_BYTES = 4_000_000


class CallFailed(Exception):
    """No answer that could be used. `status` is what the platform answered, None when it did not."""

    def __init__(self, told: str, status: int | None = None):
        super().__init__(told)
        self.status = status


def fetch_json(method: str, url: str, *, headers: dict | None = None, **sent) -> tuple[object, dict]:
    """The body (None when it is empty) and the headers. Raises CallFailed."""
    if not is_safe(url):
        raise CallFailed(f"{url[:100]} is no https address")
    try:
        with requests.request(
            method, url, headers=headers, timeout=SECONDS, allow_redirects=False, stream=True, **sent
        ) as response:
            body = response.raw.read(MOST_BYTES + 1, decode_content=True)
    except (requests.RequestException, OSError, ValueError) as error:
        raise CallFailed(f"{url}: {type(error).__name__}") from None
    if not 200 <= response.status_code < 300:
        told = body[:120].decode(errors="replace")
        raise CallFailed(f"{url}: HTTP {response.status_code} {told}", response.status_code)
    if len(body) > MOST_BYTES:
        raise CallFailed(f"{url}: the answer is too large")
    try:
        return (json.loads(body) if body.strip() else None), dict(response.headers)
    except ValueError:
        raise CallFailed(f"{url}: no JSON") from None
