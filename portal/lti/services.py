"""What a platform offers behind a launch: its roster (NRPS) and its gradebook (AGS)."""

import secrets
import time
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.core.cache import cache
from django.utils.translation import gettext_noop as _
from requests.utils import parse_header_links

from portal.lti.addresses import is_of_this_machine
from portal.lti.calls import CallFailed, fetch_json
from portal.lti.keys import signed
from portal.lti.models import LtiContext, LtiLineItem, LtiPlatform, LtiScore
from portal.models import Assignment

MEMBERS = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
LINE_ITEMS = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem"
LINE_ITEMS_READ = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem.readonly"
SCORE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
AS_MEMBERS = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
AS_LINE_ITEMS = "application/vnd.ims.lis.v2.lineitemcontainer+json"
AS_LINE_ITEM = "application/vnd.ims.lis.v2.lineitem+json"
AS_SCORE = "application/vnd.ims.lis.v1.score+json"
MOST_PAGES = 50
TAG = "redes-lab"


def token_for(platform: LtiPlatform, *scopes: str) -> str:
    """An access token, asked for with a statement that the tool signs. Raises CallFailed."""
    scope = " ".join(sorted(scopes))
    key = f"lti-token:{platform.pk}:{platform.token_url}:{scope}"
    if found := cache.get(key):
        return found
    now = int(time.time())
    assertion = signed(
        {
            "iss": platform.client_id,
            "sub": platform.client_id,
            "aud": platform.token_audience or platform.token_url,
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_urlsafe(16),
        }
    )
    asked = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
        "scope": scope,
    }
    body, _headers = fetch_json("POST", platform.token_url, data=asked)
    token = body.get("access_token") if isinstance(body, dict) else None
    if not isinstance(token, str):
        raise CallFailed(f"{platform.token_url}: no access token")
    lasts = body.get("expires_in")
    if isinstance(lasts, int) and lasts > 90:
        cache.set(key, token, min(lasts - 60, 3600))
    return token


def members_of(context: LtiContext) -> Iterator[dict]:
    """The roster as the platform tells it, page by page. Raises CallFailed."""
    url = context.members_url
    for _page in range(MOST_PAGES):
        body, told = _ask(context, "GET", url, MEMBERS, {"Accept": AS_MEMBERS})
        members = body.get("members") if isinstance(body, dict) else None
        if not isinstance(members, list):
            raise CallFailed(f"{url}: no members")
        yield from (each for each in members if isinstance(each, dict))
        url = _next_page(told)
        if not url:
            return
    raise CallFailed(f"{context.members_url}: more than {MOST_PAGES} pages")


def line_item_of(context: LtiContext, assignment: Assignment, title: str) -> LtiLineItem:
    """The assignment's column: the one that is there, or a new one where the tool may make it. Raises
    CallFailed."""
    if known := context.line_items.filter(assignment=assignment).first():
        return known
    url = _find_line_item(context, assignment) or _make_line_item(context, assignment, title)
    return LtiLineItem.objects.get_or_create(context=context, assignment=assignment, defaults={"url": url})[0]


def _find_line_item(context: LtiContext, assignment: Assignment) -> str:
    scope = LINE_ITEMS if LINE_ITEMS in context.scopes else LINE_ITEMS_READ
    if scope not in context.scopes:
        raise CallFailed(_("The platform lets the tool neither find nor make columns of its gradebook."))
    url = _with_query(context.line_items_url, resource_id=assignment.lab)
    body, _told = _ask(context, "GET", url, scope, {"Accept": AS_LINE_ITEMS})
    for each in body if isinstance(body, list) else ():
        # Some platforms do not filter what they list.
        if isinstance(each, dict) and each.get("resourceId") == assignment.lab and each.get("id"):
            return str(each["id"])
    return ""


def _make_line_item(context: LtiContext, assignment: Assignment, title: str) -> str:
    if LINE_ITEMS not in context.scopes:
        raise CallFailed(_("The platform lets the tool make no column in its gradebook."))
    wanted = {"scoreMaximum": assignment.points, "label": title, "resourceId": assignment.lab, "tag": TAG}
    headers = {"Content-Type": AS_LINE_ITEM, "Accept": AS_LINE_ITEM}
    body, _told = _ask(context, "POST", context.line_items_url, LINE_ITEMS, headers, json=wanted)
    if not isinstance(body, dict) or not isinstance(body.get("id"), str):
        raise CallFailed(f"{context.line_items_url}: no line item")
    return body["id"]


def send_score(score: LtiScore, item: LtiLineItem) -> None:
    """Raises CallFailed."""
    sent = {
        "userId": score.identity.subject,
        "scoreGiven": float(score.points),
        "scoreMaximum": score.most,
        "activityProgress": "Completed" if score.is_whole else "InProgress",
        "gradingProgress": "FullyGraded",
        "timestamp": score.changed_at.isoformat(timespec="milliseconds"),
    }
    parts = urlsplit(item.url)  # a line item's address may carry a query, as Moodle's does
    url = urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/scores"))
    _ask(score.context, "POST", url, SCORE, {"Content-Type": AS_SCORE}, json=sent)


def _ask(
    context: LtiContext, method: str, url: str, scope: str, headers: dict, **sent
) -> tuple[object, dict]:
    """As `fetch_json`, with a token. These addresses come by launches and by answers, and not from an
    administrator: a platform elsewhere must not make the portal call what only its own machine can reach."""
    if is_of_this_machine(url) and not is_of_this_machine(context.platform.token_url):
        raise CallFailed(f"{url[:100]} is an address of the portal's own machine")
    headers = {"Authorization": f"Bearer {token_for(context.platform, scope)}", **headers}
    return fetch_json(method, url, headers=headers, **sent)


def _with_query(url: str, **more: str) -> str:
    parts = urlsplit(url)
    query = "&".join(each for each in (parts.query, urlencode(more)) if each)
    return urlunsplit(parts._replace(query=query))


def _next_page(headers: dict) -> str:
    link = next((value for name, value in headers.items() if name.lower() == "link"), "")
    return next((each["url"] for each in parse_header_links(link) if each.get("rel") == "next"), "")
