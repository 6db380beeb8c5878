"""A learning platform on this machine: it speaks LTI 1.3 by another library than the portal's.

It signs launches, gives tokens to tools that sign for themselves, tells its roster in pages, and keeps a
gradebook. `claims` changes the next launch, `broken` makes its services answer 503.
"""

import functools
import json
import re
import threading
import time
import uuid
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from django.test import Client
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from curriculum.domain import start_attempt, store_pass
from portal.lti.models import LtiIdentity
from portal.models import User

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
DL = "https://purl.imsglobal.org/spec/lti-dl/claim/"
AGS = "https://purl.imsglobal.org/spec/lti-ags/"
NRPS = "https://purl.imsglobal.org/spec/lti-nrps/"
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
SCOPES = [f"{AGS}scope/lineitem", f"{AGS}scope/score", f"{AGS}scope/lineitem.readonly"]
CLIENT, DEPLOYMENT = "redes-tool", "1"
KEY = RSAKey.generate_key(2048, {"kid": "lms-1", "use": "sig", "alg": "RS256"})
REFUSED = 422
SEEN = {"en": "Seen.", "pt-br": "Visto."}
PEOPLE = {
    "u-ana": ("Ana", "Souza", "ana@escola.br", "Learner"),
    "u-davi": ("Davi", "Lima", "davi@escola.br", "Learner"),
    "u-rita": ("Rita", "Prado", "rita@escola.br", "Instructor"),
}


class Lms:
    def __init__(self):
        self.key = KEY
        self.claims: dict = {}
        self.drop: tuple[str, ...] = ()
        self.signs_with = self.key
        self.line_items: dict[str, dict] = {}
        self.scores: list[tuple[str, dict]] = []
        self.placed: list[dict] = []
        self.asked: list[str] = []
        self.broken = False
        self.tokens: dict[str, str] = {}
        self._jtis: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"lms": self}))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.tool = ""

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exc):
        self._server.shutdown()
        self._server.server_close()

    def tool_keys(self) -> KeySet:
        return KeySet.import_key_set(httpx.get(f"{self.tool}/lti/keys/").json())

    def message(self, who: str, hint: dict, nonce: str) -> str:
        given, family, email, role = PEOPLE[who]
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": who,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "given_name": given,
            "family_name": family,
            "email": email,
            f"{CLAIM}version": "1.3.0",
            f"{CLAIM}deployment_id": DEPLOYMENT,
            f"{CLAIM}target_link_uri": f"{self.tool}/lti/launch/",
            f"{CLAIM}message_type": "LtiResourceLinkRequest",
            f"{CLAIM}resource_link": {"id": "link-1"},
            f"{CLAIM}context": {"id": "course-7", "title": "Redes 2026"},
            f"{CLAIM}roles": [f"{MEMBERSHIP}{role}"],
            f"{CLAIM}launch_presentation": {"locale": "en-GB"},
            f"{CLAIM}custom": hint.get("custom", {}),
            f"{NRPS}claim/namesroleservice": {"context_memberships_url": f"{self.url}/members"},
            f"{AGS}claim/endpoint": {"lineitems": f"{self.url}/lineitems?type_id=3", "scope": SCOPES},
        }
        if hint.get("deep_link"):
            claims[f"{CLAIM}message_type"] = "LtiDeepLinkingRequest"
            claims[f"{DL}deep_linking_settings"] = {
                "deep_link_return_url": f"{self.url}/return",
                "accept_types": ["ltiResourceLink"],
                "data": "opaque-7",
            }
        claims |= self.claims
        claims = {name: value for name, value in claims.items() if name not in self.drop}
        return jwt.encode({"alg": "RS256", "kid": self.signs_with.kid}, claims, self.signs_with)

    def authorize(self, asked: dict) -> tuple[int, str]:
        """The answer to the tool's question who this is: a form that goes to the tool."""
        right = {
            "client_id": CLIENT,
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "redirect_uri": f"{self.tool}/lti/launch/",
        }
        if wrong := {name for name, value in right.items() if asked.get(name) != value}:
            return 400, f"wrong: {wrong}"
        hint = json.loads(asked["lti_message_hint"])
        token = self.message(asked["login_hint"], hint, asked["nonce"])
        return 200, form_to(asked["redirect_uri"], state=asked["state"], id_token=token)

    def give_token(self, asked: dict) -> tuple[int, object]:
        claims = jwt.decode(asked["client_assertion"], self.tool_keys(), algorithms=["RS256"]).claims
        is_right = (
            asked["grant_type"] == "client_credentials"
            and claims["iss"] == claims["sub"] == CLIENT
            and claims["aud"] == f"{self.url}/token"
            and claims["exp"] > time.time()
            and claims["jti"] not in self._jtis
        )
        if not is_right:
            return 400, {"error": "invalid_client"}
        self._jtis.add(claims["jti"])
        token = uuid.uuid4().hex
        self.tokens[token] = asked["scope"]
        return 200, {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": 3600,
            "scope": asked["scope"],
        }

    def members(self, page: int) -> tuple[int, object, str]:
        people = [
            {
                "user_id": subject,
                "given_name": given,
                "family_name": family,
                "email": email,
                "roles": [role],
                "status": "Active",
            }
            for subject, (given, family, email, role) in PEOPLE.items()
        ]
        people.append({"user_id": "u-gone", "name": "Gone", "roles": ["Learner"], "status": "Inactive"})
        more = f'<{self.url}/members?page={page + 1}>; rel="next"' if page < 1 else ""
        return 200, {"id": self.url, "members": people[page * 2 : page * 2 + 2]}, more

    def make_line_item(self, wanted: dict) -> tuple[int, object]:
        url = f"{self.url}/lineitems/{len(self.line_items) + 1}/lineitem?type_id=3"
        self.line_items[url] = wanted | {"id": url}
        return 201, self.line_items[url]

    def keep_score(self, path: str, score: dict) -> tuple[int, object]:
        url = f"{self.url}{path.replace('/scores', '')}"
        if url not in self.line_items:
            return 404, {"error": "no such line item"}
        self.scores.append((self.line_items[url]["resourceId"], score))
        return 200, None

    def take_link(self, asked: dict) -> tuple[int, str]:
        claims = jwt.decode(asked["JWT"], self.tool_keys(), algorithms=["RS256"]).claims
        assert claims["iss"] == CLIENT and self.url in claims["aud"] and claims["exp"] > time.time()
        self.placed.append(claims)
        return 200, "placed"


@functools.cache  # to make one takes a while
def _another_pem() -> bytes:
    return RSAKey.generate_key(2048).as_pem(private=True)


def another_key(kid: str) -> RSAKey:
    return RSAKey.import_key(_another_pem(), {"kid": kid, "use": "sig", "alg": "RS256"})


def form_to(action: str, **fields: str) -> str:
    inputs = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in fields.items())
    return f'<form action="{action}" method="post">{inputs}</form>'


def fields_of(page: str) -> dict[str, str]:
    found = re.findall(r'<input[^>]*\bname="([^"]+)"[^>]*\bvalue="([^"]*)"', page)
    return {name: unescape(value) for name, value in found}


class Browser:
    """Somebody's browser, logged in at the platform as `who`."""

    def __init__(self, lms: Lms, who: str):
        self.lms, self.who = lms, who
        self.pages = httpx.Client(base_url=lms.tool, timeout=30, headers={"Accept-Language": "en"})

    def begin(self, *, headers: dict | None = None, target: str = "/lti/launch/", **hint) -> httpx.Response:
        asked = {
            "iss": self.lms.url,
            "client_id": CLIENT,
            "login_hint": self.who,
            "lti_message_hint": json.dumps(hint),
            "target_link_uri": f"{self.lms.tool}{target}",
            "lti_deployment_id": DEPLOYMENT,
        }
        return self.pages.get(f"/lti/login/?{urlencode(asked)}", headers=headers)

    def message(self, **hint) -> dict[str, str]:
        """What the platform's form sends to the tool."""
        answer = self.pages.get(self.begin(**hint).headers["location"])
        assert answer.status_code == 200, answer.text
        return fields_of(answer.text)

    def launch(self, **hint) -> httpx.Response:
        return self.pages.post("/lti/launch/", data=self.message(**hint))

    def press(self, path: str, **fields: str) -> httpx.Response:
        page = self.pages.get(path)
        token = fields_of(page.text)["csrfmiddlewaretoken"]
        return self.pages.post(path, data={**fields, "csrfmiddlewaretoken": token})

    def arrive(self, **hint) -> httpx.Response:
        """Launch, and the first time go on with an account of one's own."""
        response = self.launch(**hint)
        if "/lti/welcome/" in response.headers.get("location", ""):
            response = self.press(response.headers["location"], account="own")
        return response


class _Handler(BaseHTTPRequestHandler):
    lms: Lms

    def log_message(self, *_args):
        pass

    def do_GET(self):
        self._answer("GET")

    def do_POST(self):
        self._answer("POST")

    def _answer(self, method: str):
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.lms.asked.append(f"{method} {parts.path}")
        try:
            status, told, *link = self._route(method, parts, body)
        except Exception as error:  # the tool hears what is wrong, and the test sees it
            status, told, link = 400, {"error": repr(error)}, []
        kind = "text/html" if isinstance(told, str) else "application/json"
        sent = b"" if told is None else (told if isinstance(told, str) else json.dumps(told)).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(sent)))
        if link and link[0]:
            self.send_header("Link", link[0])
        self.end_headers()
        self.wfile.write(sent)

    def _route(self, method, parts, body):
        asked = {name: values[0] for name, values in parse_qs(parts.query or body).items()}
        opened = {
            "/jwks": lambda: (200, KeySet([self.lms.key]).as_dict(private=False)),
            "/auth": lambda: self.lms.authorize(asked),
            "/return": lambda: self.lms.take_link(asked),
        }
        if parts.path in opened:
            return opened[parts.path]()
        if self.lms.broken:
            return 503, {"error": "away"}
        if parts.path == "/token":
            return self.lms.give_token(asked)
        scope = self.lms.tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "), "")
        return self._serve(scope, method, parts.path, asked, body)

    def _serve(self, scope, method, path, asked, body):
        """What a bearer of a token for this scope may have."""
        kind = self.headers["Content-Type"]
        match scope.rpartition("/")[2], method, path.rpartition("/")[2]:
            case "contextmembership.readonly", "GET", "members":
                return self.lms.members(int(asked.get("page", 0)))
            case "lineitem", "GET", "lineitems":
                return 200, list(self.lms.line_items.values())
            case "lineitem", "POST", "lineitems":
                assert kind == "application/vnd.ims.lis.v2.lineitem+json"
                return self.lms.make_line_item(json.loads(body))
            case "score", "POST", "scores":
                assert kind == "application/vnd.ims.lis.v1.score+json"
                return self.lms.keep_score(self.path, json.loads(body))
        return 401, {"error": f"no token for {path}"}


def person(subject: str) -> User:
    return LtiIdentity.objects.get(subject=subject).user


def log_in(browser: Browser, user: User) -> None:
    client = Client()
    client.force_login(user)
    browser.pages.cookies.set("sessionid", client.cookies["sessionid"].value)


def prove(user: User, lab, *conditions: str):
    attempt = start_attempt(user, lab)
    for key in conditions:
        store_pass(attempt, key, SEEN, {})
    return attempt
