"""A class list from a CSV file: read, shown row by row, and only then taken.

New people get an account and a link with which they choose a password. People who have one already are not
put into a class behind their back, for its instructors see their work: they get the link to join.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from django import forms
from django.contrib import messages
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.mail import send_mass_mail
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from portal.classes import join_url
from portal.models import Classroom, User
from portal.taught import taught_or_404

MOST_BYTES, MOST_ROWS = 500_000, 1000
LASTS = 3600  # seconds between looking at the preview and taking it
COLUMNS = {
    "name": ("name", "nome", "full name", "nome completo", "student", "aluno", "estudante"),
    "email": ("email", "e-mail", "mail", "correio"),
    "username": ("username", "user", "login", "usuario", "usuário", "matricula", "matrícula", "id"),
}
NEW, KNOWN, MEMBER, WRONG = "new", "known", "member", "wrong"
_NOT_IN_USERNAMES = re.compile(r"[^\w.@+-]", re.ASCII)


class RosterError(Exception):
    """A file that is no class list; the text is for the instructor."""


@dataclass
class Row:
    """A line of the file, and what becomes of it: `state` is new, known, member or wrong."""

    line: int
    name: str
    email: str
    username: str
    state: str = NEW
    why: str = ""


class RosterForm(forms.Form):
    file = forms.FileField()


@require_http_methods(["GET", "HEAD", "POST"])
def roster(request, class_id):
    """Upload and preview; the rows travel signed in the page, so that what is taken is what was shown."""
    classroom = taught_or_404(request, class_id)
    context = {"classroom": classroom}
    if request.method != "POST":
        return render(request, "roster.html", context)
    if "rows" in request.POST:
        return take(request, classroom)
    try:
        rows = judge(classroom, read_rows(_text_of(request.FILES.get("file"))))
    except RosterError as error:
        return render(request, "roster.html", {**context, "problem": str(error)}, status=422)
    context |= {
        "rows": rows,
        "counts": _counts(rows),
        "signed": signing.dumps([asdict(each) for each in rows]),
    }
    return render(request, "roster.html", context)


def _text_of(file) -> str:
    if file is None:
        raise RosterError(_("Choose a file first."))
    if file.size > MOST_BYTES:
        raise RosterError(_("The file is too large for a class list."))
    body = file.read()
    for encoding in ("utf-8-sig", "cp1252"):  # the second is what spreadsheets in Portuguese still write
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise RosterError(_("The file is no text."))


def read_rows(text: str) -> list[Row]:
    """The rows of a file with a line of headings, whatever separates its columns. Raises RosterError."""
    lines = text.splitlines()
    if not lines:
        raise RosterError(_("The file is empty."))
    separator = max(",;\t", key=lines[0].count)
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    places = _places(next(reader))
    rows = [
        Row(reader.line_num, *(_cell(cells, places.get(column)) for column in COLUMNS))
        for cells in reader
        if any(cell.strip() for cell in cells)
    ]
    if not rows:
        raise RosterError(_("The file has headings, and no student below them."))
    if len(rows) > MOST_ROWS:
        raise RosterError(_("The file has more than %d students.") % MOST_ROWS)
    return rows


def _places(headings: list[str]) -> dict[str, int]:
    told = [heading.strip().lower() for heading in headings]
    places = {
        column: next((told.index(name) for name in names if name in told), None)
        for column, names in COLUMNS.items()
    }
    if places["name"] is None or places["email"] is None:
        raise RosterError(
            _(
                "The first line must name the columns, with at least: name, email."
                " A column username may follow."
            )
        )
    return {column: place for column, place in places.items() if place is not None}


def _cell(cells: list[str], place: int | None) -> str:
    return cells[place].strip() if place is not None and place < len(cells) else ""


def judge(classroom: Classroom, rows: list[Row]) -> list[Row]:
    """Say of every row what will become of it."""
    emails: dict[str, int] = {}
    taken = set(User.objects.values_list("username", flat=True))
    known = {each.email.lower(): each for each in User.objects.exclude(email="")}
    members = set(classroom.students.values_list("pk", flat=True))
    for row in rows:
        key = row.email.lower()
        person = known.get(key)
        if why := _why_wrong(row, emails.get(key)):
            row.state, row.why = WRONG, why
        elif person:
            row.state, row.username = MEMBER if person.pk in members else KNOWN, person.username
        elif row.username and row.username in taken:
            row.state, row.why = WRONG, _("This username belongs to somebody else.")
        else:
            row.username = row.username or free_username(row.email, taken)
            taken.add(row.username)
        emails.setdefault(key, row.line)
    return rows


def _why_wrong(row: Row, earlier: int | None) -> str:
    if not row.name:
        return _("The name is missing.")
    if earlier is not None:
        return _("The same address stands in line %d.") % earlier
    try:
        validate_email(row.email)
        if row.username:
            User.username_validator(row.username)
    except ValidationError as error:
        return " ".join(error.messages)
    if len(row.name) > 150 or len(row.username) > 150:
        return _("This is too long.")
    return ""


def free_username(email: str, taken: set[str]) -> str:
    """From what stands before the @, with a number where that is taken."""
    base = _NOT_IN_USERNAMES.sub("", email.partition("@")[0])[:140] or "student"
    number, name = 1, base
    while name in taken:
        number += 1
        name = f"{base}{number}"
    return name


def _counts(rows: list[Row]) -> dict[str, int]:
    return {state: sum(row.state == state for row in rows) for state in (NEW, KNOWN, MEMBER, WRONG)}


def take(request, classroom: Classroom):
    """Make the accounts that the preview promised and write to everybody."""
    try:
        rows = [Row(**each) for each in signing.loads(request.POST["rows"], max_age=LASTS)]
    except (signing.BadSignature, TypeError):
        told = _("The preview is too old; upload the file again.")
        return render(request, "roster.html", {"classroom": classroom, "problem": told}, status=422)
    fresh = judge(classroom, [Row(row.line, row.name, row.email, row.username) for row in _usable(rows)])
    made = [person for row in fresh if row.state == NEW and (person := _make(classroom, row))]
    invited = [row.email for row in fresh if row.state == KNOWN]
    _write(request, classroom, made, invited)
    told = _("%(made)d accounts made, %(invited)d people invited.")
    messages.success(request, told % {"made": len(made), "invited": len(invited)})
    request.session["roster_links"] = [(str(each), _first_login(request, each)) for each in made]
    return redirect("class-roster-links", class_id=classroom.pk)


def _usable(rows: list[Row]) -> Iterator[Row]:
    return (row for row in rows if row.state in (NEW, KNOWN))


def _make(classroom: Classroom, row: Row) -> User | None:
    """None when somebody has taken the name in between."""
    first, _space, last = row.name.partition(" ")
    person = User(username=row.username, email=row.email, first_name=first, last_name=last)
    person.set_unusable_password()
    person.language = translation.get_language()
    try:
        with transaction.atomic():
            person.save()
            classroom.students.add(person)
    except IntegrityError:
        return None
    return person


@require_safe
def links(request, class_id):
    """The new people's links, once, for an instructor whose school sends no e-mail."""
    classroom = taught_or_404(request, class_id)
    shown = request.session.pop("roster_links", [])
    return render(request, "roster_links.html", {"classroom": classroom, "links": shown})


def _first_login(request, person: User) -> str:
    """Where a person without a password chooses one; it lasts as long as a password reset."""
    facts = {
        "uidb64": urlsafe_base64_encode(force_bytes(person.pk)),
        "token": default_token_generator.make_token(person),
    }
    return request.build_absolute_uri(reverse("password_reset_confirm", kwargs=facts))


def _write(request, classroom: Classroom, made: list[User], invited: list[str]) -> None:
    subject = _("You are in the class %(name)s") % {"name": classroom.name}
    new = _(
        "%(teacher)s has made an account for you on Redes no Kubernetes. Your username is %(username)s."
        " Choose a password here:\n%(link)s"
    )
    known = _(
        "%(teacher)s invites you to the class %(name)s. Open this link and press the button there:\n%(link)s"
    )
    teacher = str(request.user.get_full_name() or request.user)
    letters = [
        (
            subject,
            new % {"teacher": teacher, "username": each.username, "link": _first_login(request, each)},
            None,
            [each.email],
        )
        for each in made
    ]
    joining = known % {"teacher": teacher, "name": classroom.name, "link": join_url(request, classroom)}
    letters += [
        (_("A class invites you: %(name)s") % {"name": classroom.name}, joining, None, [address])
        for address in invited
    ]
    send_mass_mail(letters, fail_silently=True)
