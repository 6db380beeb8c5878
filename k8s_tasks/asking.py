"""Acts of the panel that ask first, on a page of their own, and are on record afterwards.

An act is a method of a model's admin that does it to one object and answers what is kept of it
(`record_of`), or nothing where there was nothing left to do. `asks_first` makes an action of the list of it,
`AsksFirst` also offers it on each object's page. The first POST only asks: to which of the chosen objects it
would be done, what will happen then, and what the act must know beside (`form`). The POST of that page does
it to those that are still as they were.
"""

import functools
from collections.abc import Callable, Iterable, Sequence

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from k8s_tasks.on_record import record_of
from k8s_tasks.on_record import told as told_of

CONFIRMED = "confirmed"


class ActForm(forms.Form):
    """What an act must know beside the objects: its fields come to the act as arguments of their names."""

    def __init__(self, *args, objects: Sequence, **kwargs):
        super().__init__(*args, **kwargs)
        self.objects = objects


def asks_first(
    *,
    description,
    will,
    button,
    only: Callable,
    left,
    form: type[ActForm] | None = None,
    is_for_one: bool = False,
    may: str = "act",
) -> Callable:
    """`only(request, objects)`: those it can be done to; `left` says why it cannot to the others. `may` names
    the right to it: a method has_..._permission of the admin."""

    def decorate(act: Callable) -> Callable:
        @functools.wraps(act)
        def action(model_admin, request, chosen: QuerySet):
            able, asked = only(request, chosen), chosen.count()
            if is_for_one and asked > 1:
                one_only = _("%(title)s: one at a time, please.") % {"title": description}
                return model_admin.message_user(request, one_only, messages.WARNING)
            is_confirmed = CONFIRMED in request.POST
            filled = form(request.POST if is_confirmed else None, objects=list(able)) if form else None
            if is_confirmed and (filled is None or filled.is_valid()):
                facts = filled.cleaned_data if filled else {}
                bound = functools.partial(act, model_admin, request, **facts)
                return _do(model_admin, request, bound, able, title=description, left=left)
            if not able.exists():
                return _tell_untouched(model_admin, request, description, left, number=asked, asked=asked)
            others = chosen.exclude(pk__in=able.values("pk"))
            told = {"act": act.__name__, "title": button, "will": will, "left": left, "form": filled}
            return _ask(model_admin, request, told, able, others)

        action.only, action.button = only, button
        return admin.action(description=description, permissions=[may])(action)

    return decorate


class AsksFirst:
    """For a ModelAdmin. Who may change objects of this kind may act on them, also where nobody edits them."""

    change_form_template = "admin/acts_change_form.html"
    refusals: tuple[type[Exception], ...] = ()  # what an act raises that says why not

    def has_act_permission(self, request) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def at_stake(self, objects: Sequence, act: str) -> list[tuple[str, int]]:
        """What the act of this name would touch beside the objects: words and numbers."""
        return []

    def line_of(self, obj) -> str:
        """An object as it is told to who is asked."""
        return str(obj)

    def change_view(self, request, object_id, form_url="", extra_context=None):
        found = self.get_object(request, object_id)
        context = {
            "acts": self._acts_on(request, found) if found else [],
            "links": self.links_of(found) if found else [],
            "act_checkbox": ACTION_CHECKBOX_NAME,
        }
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def history_view(self, request, object_id, extra_context=None):
        response = super().history_view(request, object_id, extra_context)
        for entry in getattr(response, "context_data", {}).get("action_list", ()):
            entry.change_message = told_of(entry)
        return response

    def links_of(self, obj) -> list[tuple[str, str]]:
        """(words, address) that stand beside the acts."""
        return []

    def _acts_on(self, request, obj) -> list[tuple[str, str]]:
        """(name, words) of what can be done to this object now."""
        one = self.get_queryset(request).filter(pk=obj.pk)
        acts = self.get_actions(request).values()
        return [(name, words) for act, name, words in acts if hasattr(act, "only") and act.only(request, one)]


def _ask(model_admin, request, told: dict, able: QuerySet, others: QuerySet) -> TemplateResponse:
    objects = list(able)
    context = {
        **model_admin.admin_site.each_context(request),
        **told,
        "opts": model_admin.opts,
        "chosen": [(each, model_admin.line_of(each), _page_of(model_admin, each)) for each in objects],
        "others": [model_admin.line_of(each) for each in others],
        "at_stake": model_admin.at_stake(objects, told["act"]),
        "checkbox": ACTION_CHECKBOX_NAME,
        "confirmed": CONFIRMED,
    }
    return TemplateResponse(request, "admin/ask_first.html", context)


def _page_of(model_admin, obj) -> str:
    opts = model_admin.opts
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[obj.pk])


def _do(model_admin, request, act: Callable, able: Iterable, *, title, left) -> None:
    asked = len(set(request.POST.getlist(ACTION_CHECKBOX_NAME)))
    outcomes = [_do_to(model_admin, request, act, each) for each in list(able)]
    if done := outcomes.count(True):
        facts = {"title": title, "done": done, "asked": asked}
        model_admin.message_user(
            request, _("%(title)s: done to %(done)d of %(asked)d, and on record.") % facts
        )
    if untouched := asked - len(outcomes) + outcomes.count(None):
        _tell_untouched(model_admin, request, title, left, number=untouched, asked=asked)


def _do_to(model_admin, request, act: Callable, obj) -> bool | None:
    """Whether it was done; None where nothing was left to do. A refusal is told, and on record too: the
    act may have begun."""
    try:
        record = act(obj)
    except model_admin.refusals as refusal:
        model_admin.message_user(request, f"{obj}: {refusal}", messages.ERROR)
        model_admin.log_change(request, obj, record_of(gettext_noop("Refused: %(why)s"), why=str(refusal)))
        return False
    if not record:
        return None
    model_admin.log_change(request, obj, record)
    return True


def _tell_untouched(model_admin, request, title, left, *, number: int, asked: int) -> None:
    facts = {"title": title, "number": number, "asked": asked, "left": left}
    told = _("%(title)s: nothing was done to %(number)d of %(asked)d. %(left)s") % facts
    model_admin.message_user(request, told, messages.WARNING)
