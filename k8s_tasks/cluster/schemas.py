"""What fields a kind has, out of the cluster's OpenAPI: small enough to be sent to a page.

{"kinds": {"v1/Service": TYPE}, "types": {TYPE: {field: [TYPE or "", what it is, first sentence about it]}}}
"""

from collections import OrderedDict

from k8s_tasks.cluster.api import Api
from k8s_tasks.cluster.errors import NotFound

SENTENCE = 160
KEPT = 64  # kinds of all clusters
_kept: OrderedDict[tuple[str, str, str], dict] = OrderedDict()


async def field_hints(api: Api, cluster_uid: str, kinds: set[tuple[str, str]]) -> dict:
    """For each (apiVersion, kind); one the cluster does not know is left out. Raises ClusterError."""
    hints: dict = {"kinds": {}, "types": {}}
    for version, kind in sorted(kinds):
        found = await _hints_of(api, cluster_uid, version, kind)
        hints["kinds"] |= found["kinds"]
        hints["types"] |= found["types"]
    return hints


async def _hints_of(api: Api, cluster_uid: str, version: str, kind: str) -> dict:
    key = (cluster_uid, version, kind)
    if key not in _kept:
        _kept[key] = await _ask(api, version, kind)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    _kept.move_to_end(key)
    return _kept[key]


async def _ask(api: Api, version: str, kind: str) -> dict:
    place = f"apis/{version}" if "/" in version else f"api/{version}"
    try:
        document = await api.request("GET", f"/openapi/v3/{place}")
    except NotFound:
        return {"kinds": {}, "types": {}}
    return small_schema(document["components"]["schemas"], version, kind)


def small_schema(schemas: dict, version: str, kind: str) -> dict:
    group, _slash, number = version.rpartition("/")
    wanted = {"group": group, "version": number, "kind": kind}
    for name, schema in schemas.items():
        if wanted in schema.get("x-kubernetes-group-version-kind", []):
            types = _Types(schemas)
            root = types.add(name, schema)
            types.found[root].pop("status", None)
            return {"kinds": {f"{version}/{kind}": root}, "types": types.reached(root)}
    return {"kinds": {}, "types": {}}


class _Types:
    """Gathers what a schema reaches; a schema without a name of its own is named by its place."""

    def __init__(self, schemas: dict):
        self._schemas = schemas
        self.found: dict[str, dict] = {}

    def add(self, name: str, schema: dict) -> str:
        short = name.removeprefix("io.k8s.api.").removeprefix("io.k8s.apimachinery.pkg.apis.")
        if short not in self.found:
            self.found[short] = fields = {}
            for field, told in (schema.get("properties") or {}).items():
                fields[field] = self._field(f"{short}.{field}", told)
        return short

    def reached(self, root: str) -> dict[str, dict]:
        """Without what only the removed status needed."""
        reached, waiting = {}, [root]
        while waiting:
            name = waiting.pop()
            if name and name not in reached:
                reached[name] = self.found[name]
                waiting += [told[0] for told in self.found[name].values()]
        return reached

    def _field(self, place: str, told: dict) -> list[str]:
        is_list = told.get("type") == "array"
        inner = (told.get("items") or {}) if is_list else told
        name, schema = self._resolve(place, inner)
        has_fields = bool(schema.get("properties"))
        what = "object" if has_fields else schema.get("type", "")
        about = told.get("description") or schema.get("description") or ""
        return [self.add(name, schema) if has_fields else "", f"[{what}]" if is_list else what, _first(about)]

    def _resolve(self, place: str, schema: dict) -> tuple[str, dict]:
        held = [schema, *schema.get("allOf", [])]  # a reference with a default of its own is in an allOf
        references = [each["$ref"] for each in held if "$ref" in each]
        if not references:
            return place, schema
        name = references[0].rpartition("/")[2]
        return name, self._schemas.get(name, {})


def _first(description: str) -> str:
    sentence = " ".join(description.split()).split(". ")[0]
    return sentence if len(sentence) <= SENTENCE else sentence[: SENTENCE - 1].rstrip() + "…"
