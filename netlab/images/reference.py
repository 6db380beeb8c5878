"""Names of images, written out in full as runtimes do: `nginx` is `docker.io/library/nginx:latest`."""

import re

_DOMAIN = r"(?:localhost|[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+|[a-zA-Z0-9-]+(?=:\d))(?::\d+)?"
_PATH = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_FORM = re.compile(
    rf"(?:(?P<domain>{_DOMAIN})/)?(?P<path>{_PATH}(?:/{_PATH})*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?P<digest>@sha256:[0-9a-f]{64})?"
)
_REGISTRY = re.compile(r"[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*(?::\d+)?")


class InvalidName(ValueError):
    """No image can have this name."""


def full(text: str) -> str:
    """With domain, path, and tag or digest. Raises InvalidName."""
    match = _FORM.fullmatch(text)
    if not match:
        raise InvalidName(f'couldn\'t parse image name "{text}": invalid reference format')
    domain, path, tag, digest = match.group("domain", "path", "tag", "digest")
    domain = "docker.io" if domain in (None, "index.docker.io") else domain
    if domain == "docker.io" and "/" not in path:
        path = f"library/{path}"
    # With both, the digest decides.
    return f"{domain}/{path}{digest or ':' + (tag or 'latest')}"


def is_registry(text: str) -> bool:
    """Could the name of an image begin so, before its first slash? The port may be missing."""
    return _REGISTRY.fullmatch(text) is not None
