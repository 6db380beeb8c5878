"""HTTP to a platform. No call follows a redirect or waits long, and what is answered is read to a limit."""

import json
import time

import requests
import urllib3

from portal.lti.addresses import is_safe

SECONDS = (4, 8)  # to connect, between two bytes
LONGEST_SECONDS = 30  # a whole answer, however steadily it drips
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
            body = _read(response, url)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise CallFailed(f"{url}: {type(error).__name__}") from None
    if not 200 <= response.status_code < 300:
        told = body[:120].decode(errors="replace")
        raise CallFailed(f"{url}: HTTP {response.status_code} {told}", response.status_code)
    try:
        return (json.loads(body) if body.strip() else None), dict(response.headers)
    except ValueError:
        raise CallFailed(f"{url}: no JSON") from None


def _read(response: requests.Response, url: str) -> bytes:
    """As it comes, for only so the clock is looked at between two bytes."""
    until, body = time.monotonic() + LONGEST_SECONDS, bytearray()
    while piece := response.raw.read1(65_536, decode_content=True):
        body += piece
        if len(body) > MOST_BYTES:
            raise CallFailed(f"{url}: the answer is too large")
        if time.monotonic() > until:
            raise CallFailed(f"{url}: the answer took too long")
    return bytes(body)
