"""Deep linking: an instructor chooses a chapter or a lab, and the platform places a link to it.

The page stands in a frame of the platform, where browsers give it no session. So it needs none: what was
checked at the launch travels signed in the page, and lasts an hour.
"""

import secrets
import time
from dataclasses import dataclass

from django import forms
from django.core import signing
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from curriculum.course import get_course
from portal.chapters import find_chapter
from portal.lab_page import find_lab
from portal.lti.keys import signed
from portal.lti.messages import CLAIM, Launch, LtiRefused
from portal.lti.models import LtiContext, LtiPlatform
from portal.lti.services import TAG
from portal.models import Assignment

SALT = "lti-deep-link.2"  # another one where a page of before would lack something
LASTS = 3600
DL_CLAIM = "https://purl.imsglobal.org/spec/lti-dl/claim/"
POINTS = Assignment._meta.get_field("points").default


@dataclass(frozen=True)
class Place:
    """Where the chosen link goes."""

    platform: LtiPlatform
    deployment_id: str
    return_url: str
    data: str
    context: LtiContext | None
    language: str  # of the page: of a frame's second request one knows no more than what the browser says


class ChoiceForm(forms.Form):
    """`page` is lab:SLUG or chapter:SLUG."""

    page = forms.ChoiceField(widget=forms.RadioSelect)
    is_graded = forms.BooleanField(
        label=gettext_lazy(
            "With a grade: the lab becomes an assignment, and its points go back to the platform"
        ),
        required=False,
        initial=True,
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["page"].choices = [
            (f"{kind}:{each.slug}", each.slug)
            for chapter in get_course().chapters
            for kind, each in [("chapter", chapter), *(("lab", lab) for lab in chapter.labs)]
        ]


def seal_place(launch: Launch, context: LtiContext | None) -> str:
    facts = {
        "platform": launch.platform,
        "deployment_id": launch.deployment_id,
        "return_url": launch.return_url,
        "data": launch.data,
        "context": context.pk if context else None,
        "language": get_language(),
    }
    return signing.dumps(facts, salt=SALT)


def read_place(text: str) -> Place:
    """Raises LtiRefused for what this portal has not sealed, or not lately."""
    try:
        facts = signing.loads(text, salt=SALT, max_age=LASTS)
    except signing.BadSignature:
        raise LtiRefused(_("This page is too old. Choose the link in your course again.")) from None
    platform = LtiPlatform.objects.filter(pk=facts["platform"], is_active=True).first()
    if platform is None:
        raise LtiRefused(_("This learning platform is not registered here."))
    context = LtiContext.objects.filter(pk=facts["context"]).select_related("classroom").first()
    return Place(
        platform, facts["deployment_id"], facts["return_url"], facts["data"], context, facts["language"]
    )


def answer(place: Place, page: str, *, is_graded: bool, launch_url: str) -> str:
    """The signed message that places the link."""
    now = int(time.time())
    claims = {
        "iss": place.platform.client_id,
        "aud": [place.platform.issuer],
        "iat": now,
        "exp": now + 300,
        "nonce": secrets.token_urlsafe(16),
        f"{CLAIM}deployment_id": place.deployment_id,
        f"{CLAIM}message_type": "LtiDeepLinkingResponse",
        f"{CLAIM}version": "1.3.0",
        f"{DL_CLAIM}content_items": [_item(place, page, is_graded=is_graded, launch_url=launch_url)],
    }
    if place.data:
        claims[f"{DL_CLAIM}data"] = place.data
    return signed(claims)


def _item(place: Place, page: str, *, is_graded: bool, launch_url: str) -> dict:
    kind, _colon, slug = page.partition(":")
    target = find_lab(slug) if kind == "lab" else find_chapter(slug)
    title = f"{target.number} {target.title}"
    item = {"type": "ltiResourceLink", "title": title, "url": launch_url, "custom": {kind: slug}}
    if kind == "lab" and is_graded:
        most = _points_of(place, slug)
        item["lineItem"] = {"scoreMaximum": most, "label": title, "resourceId": slug, "tag": TAG}
    return item


def _points_of(place: Place, lab: str) -> int:
    """A class that is bound gets the lab as an assignment now; others when somebody comes by the link."""
    if place.context is None or place.context.classroom is None:
        return POINTS
    return Assignment.objects.get_or_create(classroom=place.context.classroom, lab=lab)[0].points
