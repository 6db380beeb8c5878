"""What a group means here: rights in the panel, and nothing anywhere else.

Pages of the course and of classes ask for the role, the classes and whether one is an administrator
(`portal.access`); no group changes that. In the panel an administrator may do everything, and whoever was let
in (Django's staff) what their groups allow: to look at some kinds of objects, to change or to act on others.
Only administrators give rights, whatever rights somebody else has.
"""

from collections.abc import Iterable
from types import SimpleNamespace

from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from k8s_tasks.admin import Record
from portal.models import User

VERBS = {"view": _("look"), "add": _("add"), "change": _("change"), "delete": _("delete")}
ACT = _("act")


def offered() -> list[Permission]:
    """Those that open something in this panel: what nobody may do to a record is no right to give."""
    return [each for each in Permission.objects.select_related("content_type") if _opens_something(each)]


def rights_of(person: User) -> QuerySet[Permission]:
    """Of their groups, and those that some other tool has given them alone."""
    mine = Q(group__user=person) | Q(user=person)
    return Permission.objects.filter(mine).distinct().select_related("content_type")


def labels_of(permissions: Iterable[Permission]) -> list[str]:
    return sorted(map(label_of, permissions))


def label_of(permission: Permission) -> str:
    """In the reader's language; Django's own names are English, and know nothing of acts."""
    model = permission.content_type.model_class()
    verb = verb_of(permission)
    if model is None or not admin.site.is_registered(model) or verb not in VERBS:
        return permission.name
    model_admin = admin.site.get_model_admin(model)
    acts = _acts_of(model_admin) if verb == "change" else []
    words = [str(VERBS[verb])] if verb != "change" or not isinstance(model_admin, Record) else []
    if acts:
        words.append(f"{ACT} ({', '.join(acts)})")
    return f"{capfirst(model._meta.verbose_name_plural)}: {', '.join(words)}"


def verb_of(permission: Permission) -> str:
    return permission.codename.partition("_")[0]


def _opens_something(permission: Permission) -> bool:
    model, verb = permission.content_type.model_class(), verb_of(permission)
    if model in (None, Group) or not admin.site.is_registered(model) or verb not in VERBS:
        return False
    model_admin = admin.site.get_model_admin(model)
    if verb == "change" and _acts_of(model_admin):
        return True
    # Of an administrator, whom only the panel's own rules hold.
    request = SimpleNamespace(user=User(is_active=True, is_superuser=True))
    return getattr(model_admin, f"has_{verb}_permission")(request)


def _acts_of(model_admin) -> list[str]:
    """The acts that the right to change gives, by their first words."""
    known = (getattr(type(model_admin), name, None) for name in model_admin.actions or ())
    acts = [act for act in known if hasattr(act, "only") and act.allowed_permissions == ["act"]]
    return [str(act.short_description).partition(":")[0] for act in acts]
