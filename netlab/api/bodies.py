"""Request bodies: JSON, YAML and protobuf into plain objects."""

import json

import yaml
from aiohttp import web

from netlab.schema import wire
from netlab.schema.decode import DuplicateKeys, load_json

from .status import bad_request, unsupported_media_type

JSON, YAML = "application/json", "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
APPLY = "application/apply-patch+yaml"


async def read_object(http: web.Request) -> dict:
    """The document sent; {} when there is none. Raises ApiError."""
    raw = await http.read()
    media = media_type(http)
    if not raw:
        return {}
    if media == PROTOBUF:
        return _protobuf(raw)
    if media in (JSON, "", "application/octet-stream"):
        return _mapping(_json(raw))
    if media in (YAML, APPLY):
        return _mapping(_yaml(raw))
    raise unsupported_media_type(media, [JSON, YAML, PROTOBUF])


async def read_patch(http: web.Request):
    return _json(await http.read())


def media_type(http: web.Request) -> str:
    return http.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _mapping(value) -> dict:
    if not isinstance(value, dict):
        raise bad_request("couldn't get version/kind; the body is not an object")
    return value


def _json(raw: bytes):
    try:
        value = load_json(raw)
        return _whole(value) if rb"\ud" in raw.lower() else value
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad_request(f"the object provided is unrecognized (must be of type JSON): {error}") from error


def _whole(value):
    """Halves of surrogate pairs become U+FFFD, as Go reads them: nothing could write them out again."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return {_whole(key): _whole(item) for key, item in value.items()} if isinstance(value, dict) else value


def _protobuf(raw: bytes) -> dict:
    try:
        return wire.decode(raw)
    except wire.BadWire as error:
        raise bad_request(str(error)) from error


def _yaml(raw: bytes):
    try:
        return yaml.load(raw, Loader=_Loader)  # noqa: S506 - a SafeLoader that marks duplicate keys
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise bad_request(f"error converting YAML to JSON: {error}") from error


class _Loader(yaml.SafeLoader):
    """Safe, without timestamps (Kubernetes' YAML has none), marking keys given twice."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:timestamp"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _construct_mapping(loader: _Loader, node: yaml.MappingNode) -> dict:
    loader.flatten_mapping(node)
    keys = [str(loader.construct_object(key, deep=True)) for key, _ in node.value]
    values = [loader.construct_object(value, deep=True) for _, value in node.value]
    plain = dict(zip(keys, values, strict=True))
    if len(plain) == len(keys):
        return plain
    marked = DuplicateKeys(plain)
    marked.duplicates = tuple(key for key in plain if keys.count(key) > 1)
    return marked


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct_mapping)
