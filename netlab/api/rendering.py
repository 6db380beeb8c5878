"""In which form an answer goes out: the object, a Table for kubectl, or its metadata only.

Which one is negotiated by the Accept header; JSON is the only encoding. A Renderer serves one kind of
one request and turns objects, lists and watch events into the form asked for.
"""

import json
import re
from collections.abc import Iterable

from aiohttp import web

from netlab.schema import conversions
from netlab.schema.kinds import Kind

from .customcolumns import columns_of
from .printers import DEFAULT, PRINTERS

_META = "meta.k8s.io/v1"


def dump(value) -> bytes:
    """Compact JSON with a trailing newline, as Go writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def json_response(value, status: int = 200, *, warnings: Iterable[str] = ()) -> web.Response:
    response = web.Response(body=dump(value), status=status, content_type="application/json")
    for text in dict.fromkeys(warnings):
        response.headers.add("Warning", warning(text))
    return response


def warning(text: str) -> str:
    """The value of a Warning header, which takes no control character: names of fields come from outside."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    quoted = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{quoted}"'


class Renderer:
    def __init__(self, kind: Kind, http: web.Request):
        self._kind = kind
        self._form = _asked_form(http.headers.get("Accept", ""))
        self._include = http.query.get("includeObject", "Metadata")
        self._columns, self._cells = columns_of(kind) if kind.custom else PRINTERS.get(kind.name, DEFAULT)
        self._columns_told = False

    def object(self, obj: dict) -> dict:
        if self._form == "Table":
            return self._table([obj], {"resourceVersion": obj["metadata"].get("resourceVersion", "")})
        if self._form.startswith("PartialObjectMetadata"):
            return _partial(obj)
        return self._plain(obj)

    def page(self, objects: list[dict], meta: dict) -> dict:
        if self._form == "Table":
            return self._table(objects, meta)
        if self._form.startswith("PartialObjectMetadata"):
            items = [_partial(obj) for obj in objects]
            return {
                "kind": "PartialObjectMetadataList",
                "apiVersion": _META,
                "metadata": meta,
                "items": items,
            }
        return {
            "kind": self._kind.list_kind,
            "apiVersion": self._kind.api_version,
            "metadata": meta,
            "items": [self._plain(obj) for obj in objects],
        }

    def bookmark(self, version: int, *, initial_end: bool) -> dict:
        meta: dict = {"resourceVersion": str(version)}
        if initial_end:
            meta["annotations"] = {"k8s.io/initial-events-end": "true"}
        mark = {"kind": self._kind.name, "apiVersion": self._kind.api_version, "metadata": meta}
        if self._form == "Table":
            return {**self._table([], meta), "rows": [{"cells": [], "object": _partial(mark)}]}
        return mark

    def _plain(self, obj: dict) -> dict:
        shown = conversions.from_stored(self._kind, obj)
        if "apiVersion" in shown and "kind" in shown:
            return shown
        return {"kind": self._kind.name, "apiVersion": self._kind.api_version, **shown}

    def _table(self, objects: list[dict], meta: dict) -> dict:
        columns = None if self._columns_told else [column.definition() for column in self._columns]
        self._columns_told = True
        rows = [{"cells": self._cells(obj), **self._row_object(obj)} for obj in objects]
        return {
            "kind": "Table",
            "apiVersion": _META,
            "metadata": meta,
            "columnDefinitions": columns,
            "rows": rows,
        }

    def _row_object(self, obj: dict) -> dict:
        if self._include == "None":
            return {}
        return {"object": self._plain(obj) if self._include == "Object" else _partial(obj)}


def _asked_form(accept: str) -> str:
    """The first form of the Accept header that is served; plain JSON when none is named."""
    for part in accept.replace(" ", "").split(","):
        form = re.search(r"as=(\w+)", part)
        if not part.startswith("application/json") or (form and "v=v1" not in part.split(";")):
            continue
        return form[1] if form else "plain"
    return "plain"


def _partial(obj: dict) -> dict:
    return {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": obj["metadata"]}
