"""The API's own page: what can be asked and what comes back, read from its OpenAPI description."""

from django.contrib.auth.decorators import login_not_required
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.api import api


@login_not_required
@require_safe
def api_page(request):
    described = api.get_openapi_schema(path_prefix="/api/v1/")
    doors = [
        {
            "path": path,
            "summary": told["summary"],
            "fields": _fields(described, told["responses"][200]["content"]["application/json"]["schema"]),
        }
        for path, methods in described["paths"].items()
        for told in methods.values()
    ]
    return render(request, "api.html", {"doors": doors})


def _fields(described: dict, schema: dict) -> dict:
    """{"is_list", "names": [(name, type)], "about"} of an answer."""
    inner = schema.get("items", schema)
    model = described["components"]["schemas"][inner["$ref"].rpartition("/")[2]]
    names = [(name, _type(told)) for name, told in model["properties"].items()]
    return {"is_list": "items" in schema, "names": names, "about": model.get("description", "")}


def _type(told: dict) -> str:
    if "anyOf" in told:
        return " | ".join(_type(each) for each in told["anyOf"])
    return told.get("format") or told.get("type", "object")
