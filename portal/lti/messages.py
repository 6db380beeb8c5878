"""From a platform's signed message to a Launch, or a refusal that says why.

What is believed of a message: its signature by a key of the registered platform, that it is for this tool
(aud), from this platform (iss), not too old (exp, iat), of a registered deployment, the answer to a question
that this very browser asked (state and cookie), and that it comes the first time (nonce).
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

import jwt
from django.core import signing
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.lti.addresses import is_safe
from portal.lti.calls import CallFailed
from portal.lti.keys import NoKey, platform_key
from portal.lti.models import LtiLaunch, LtiPlatform, LtiRole

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
NAMES_ROLES = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
GRADES = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
DEEP_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings"
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
RESOURCE_LINK, DEEP_LINK = "LtiResourceLinkRequest", "LtiDeepLinkingRequest"
STATE_SALT = "lti-state"
STATE_SECONDS = 600  # from the login's beginning to the launch; a person may have to log in at the platform
LEEWAY_SECONDS = 60
OLDEST_SECONDS = 3600
LONGEST_TOKEN = 64_000


class LtiRefused(Exception):
    """A message that is not accepted; the text is for the person before the screen."""


@dataclass(frozen=True)
class Launch:
    """Who comes, from which course, as what, to which page, and what the platform offers. Plain data."""

    platform: int
    deployment_id: str
    kind: str
    subject: str
    given_name: str = ""
    family_name: str = ""
    email: str = ""
    locale: str = ""
    role: str = ""  # of LtiRole; empty for somebody who is neither learner nor instructor of the course
    context_id: str = ""
    context_title: str = ""
    lab: str = ""
    chapter: str = ""
    members_url: str = ""
    line_items_url: str = ""
    line_item_url: str = ""
    scopes: tuple[str, ...] = ()
    return_url: str = ""
    data: str = ""


def find_platform(issuer: str, client_id: str) -> LtiPlatform:
    """The registration a login is for. Raises LtiRefused."""
    found = LtiPlatform.objects.filter(issuer=issuer, is_active=True)
    if client_id:
        found = found.filter(client_id=client_id)
    platforms = list(found[:2])
    if len(platforms) != 1:
        raise LtiRefused(_("This learning platform is not registered here."))
    return platforms[0]


def begin(platform: LtiPlatform, asked: dict, redirect_uri: str) -> tuple[str, str]:
    """Where to ask the platform who this is, and the nonce that binds its answer to this browser."""
    if not asked.get("login_hint"):
        raise LtiRefused(_("The learning platform did not say who wants to come."))
    nonce = secrets.token_urlsafe(32)
    state = signing.dumps({"nonce": nonce, "platform": platform.pk}, salt=STATE_SALT)
    query = {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": platform.client_id,
        "redirect_uri": redirect_uri,
        "login_hint": asked["login_hint"],
        "state": state,
        "nonce": nonce,
    }
    if asked.get("lti_message_hint"):
        query["lti_message_hint"] = asked["lti_message_hint"]
    joint = "&" if "?" in platform.auth_url else "?"
    return f"{platform.auth_url}{joint}{urlencode(query)}", nonce


def cookie_name(nonce: str) -> str:
    """Of its own for each login, so that two tabs do not disturb each other."""
    return f"lti-{hashlib.sha256(nonce.encode()).hexdigest()[:16]}"


def read_state(text: str, cookies: dict) -> tuple[LtiPlatform, str]:
    """The platform and the nonce of the login that this browser began. Raises LtiRefused."""
    try:
        state = signing.loads(text, salt=STATE_SALT, max_age=STATE_SECONDS)
    except signing.SignatureExpired:
        raise LtiRefused(_("This took too long. Open the link in your course again.")) from None
    except signing.BadSignature:
        raise LtiRefused(_("This was not begun here. Open the link in your course again.")) from None
    if cookies.get(cookie_name(state["nonce"])) != state["nonce"]:
        raise LtiRefused(
            _(
                "Your browser did not keep the cookie that this login needs. Open the link in your course"
                " again, in a new window, and allow cookies for this site."
            )
        )
    platform = LtiPlatform.objects.filter(pk=state["platform"], is_active=True).first()
    if platform is None:
        raise LtiRefused(_("This learning platform is not registered here."))
    return platform, state["nonce"]


def accept(platform: LtiPlatform, token: str, nonce: str) -> tuple[Launch, LtiLaunch]:
    """Check the message and use its nonce up. Raises LtiRefused."""
    launch = launch_of(platform, claims_of(platform, token, nonce))
    LtiLaunch.objects.filter(created_at__lt=timezone.now() - timedelta(days=2)).delete()
    try:
        with transaction.atomic():
            return launch, LtiLaunch.objects.create(nonce=nonce, platform=platform)
    except IntegrityError:
        raise LtiRefused(_("This launch was used already. Open the link in your course again.")) from None


def claims_of(platform: LtiPlatform, token: str, nonce: str) -> dict:
    """The claims of a message that is signed, for us, and not too old. Raises LtiRefused."""
    if len(token) > LONGEST_TOKEN:
        raise LtiRefused(_("The learning platform's message is too large."))
    try:
        kid = jwt.get_unverified_header(token).get("kid", "")
        claims = jwt.decode(
            token,
            platform_key(platform, str(kid)),
            algorithms=["RS256"],
            audience=platform.client_id,
            issuer=platform.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "aud", "iss", "sub", "nonce"]},
        )
    except jwt.ExpiredSignatureError:
        raise LtiRefused(_("This launch is too old. Open the link in your course again.")) from None
    except (jwt.InvalidAudienceError, jwt.InvalidIssuerError):
        raise LtiRefused(_("This launch is for another tool or from another platform.")) from None
    except (jwt.PyJWTError, NoKey):
        raise LtiRefused(_("The signature of the learning platform's message is not right.")) from None
    except CallFailed:
        raise LtiRefused(
            _("The learning platform does not tell its keys at the moment. Try again in a minute.")
        ) from None
    _check_claims(platform, claims, nonce)
    return claims


def _check_claims(platform: LtiPlatform, claims: dict, nonce: str) -> None:
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != platform.client_id:
        raise LtiRefused(_("This launch is for another tool or from another platform."))
    if claims.get("azp", platform.client_id) != platform.client_id:
        raise LtiRefused(_("This launch is for another tool or from another platform."))
    if not secrets.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        raise LtiRefused(_("This was not begun here. Open the link in your course again."))
    if claims["iat"] < timezone.now().timestamp() - OLDEST_SECONDS:
        raise LtiRefused(_("This launch is too old. Open the link in your course again."))
    if claims.get(f"{CLAIM}version") != "1.3.0":
        raise LtiRefused(_("The learning platform does not speak LTI 1.3."))
    if not platform.has_deployment(_text(claims.get(f"{CLAIM}deployment_id"))):
        raise LtiRefused(_("This deployment of the tool is not registered here."))


def launch_of(platform: LtiPlatform, claims: dict) -> Launch:
    """Raises LtiRefused for a message of another kind."""
    kind = claims.get(f"{CLAIM}message_type")
    if kind not in (RESOURCE_LINK, DEEP_LINK):
        raise LtiRefused(_("The learning platform asks for something that this tool does not do."))
    context, custom = _part(claims, f"{CLAIM}context"), _part(claims, f"{CLAIM}custom")
    names, grades = _part(claims, NAMES_ROLES), _part(claims, GRADES)
    subject = _text(claims["sub"])
    if not subject:
        raise LtiRefused(_("The learning platform did not say who wants to come."))
    facts = {
        "platform": platform.pk,
        "deployment_id": _text(claims[f"{CLAIM}deployment_id"]),
        "kind": kind,
        "subject": subject,
        "given_name": _text(claims.get("given_name") or claims.get("name"), 150),
        "family_name": _text(claims.get("family_name"), 150),
        "email": _text(claims.get("email"), 254),
        "locale": _text(
            _part(claims, f"{CLAIM}launch_presentation").get("locale") or claims.get("locale"), 16
        ),
        "role": role_of(claims.get(f"{CLAIM}roles")),
        "context_id": _text(context.get("id")),
        "context_title": _text(context.get("title") or context.get("label")),
        "lab": _text(custom.get("lab"), 80),
        "chapter": _text(custom.get("chapter"), 80),
        "members_url": _address(names.get("context_memberships_url")),
        "line_items_url": _address(grades.get("lineitems")),
        "line_item_url": _address(grades.get("lineitem")),
        "scopes": tuple(_text(each, 120) for each in _items(grades.get("scope"))),
    }
    return Launch(**facts, **(_deep_link(claims) if kind == DEEP_LINK else {}))


def _deep_link(claims: dict) -> dict:
    wanted = _part(claims, DEEP_LINKING)
    return_url = _address(wanted.get("deep_link_return_url"))
    if not return_url or "ltiResourceLink" not in _items(wanted.get("accept_types")):
        raise LtiRefused(_("The learning platform takes no links back."))
    data = wanted.get("data")
    return {
        "return_url": return_url,
        "data": data if isinstance(data, str) else "",
    }


def role_of(roles: object) -> str:
    """Only roles in the course count; being an administrator of the school makes nobody its instructor."""
    names = {str(each).removeprefix(MEMBERSHIP) for each in _items(roles)}
    if "Instructor" in names:
        return LtiRole.INSTRUCTOR.value
    return LtiRole.LEARNER.value if "Learner" in names else ""


def _part(claims: dict, name: str) -> dict:
    found = claims.get(name)
    return found if isinstance(found, dict) else {}


def _items(found: object) -> list:
    return found if isinstance(found, list) else []


def _text(found: object, most: int = 255) -> str:
    """An id that is too long is no id at all: cut off it could be another's."""
    text = str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""
    return (text if len(text) <= most else "") if most == 255 else text[:most]


def _address(found: object) -> str:
    return found if isinstance(found, str) and len(found) <= 1000 and is_safe(found) else ""
