"""A class list: every line is judged before anything happens, and nobody is put where they did not agree."""

import re

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from portal.models import User

LIST = """name;email;username
Ana Souza;ana@escola.br;
João da Silva;joao@escola.br;js
;nameless@escola.br;
Bob;bob@escola.br;
Ana Outra;ANA@escola.br;
Eva;no-address;
Alice;alice@escola.br;
Ivo;ivo@escola.br;bob
"""


@pytest.fixture
def teacher(world, visit):
    for person in (world.alice, world.bob):
        person.email = f"{person.username}@escola.br"
        person.save()
    return visit(world.paula)


@pytest.fixture
def upload(world, teacher):
    def upload(body: bytes):
        file = SimpleUploadedFile("class.csv", body)
        return teacher.post(f"/classes/{world.classroom.pk}/roster/", {"file": file})

    return upload


def take(world, teacher, preview):
    rows = preview.context["signed"]
    return teacher.post(f"/classes/{world.classroom.pk}/roster/", {"rows": rows})


def test_every_line_says_what_becomes_of_it_and_nothing_has_happened(upload):
    people = User.objects.count()
    rows = upload(LIST.encode()).context["rows"]

    assert [(row.line, row.state, row.username) for row in rows] == [
        (2, "new", "ana"),
        (3, "new", "js"),
        (4, "wrong", ""),
        (5, "known", "bob"),
        (6, "wrong", ""),
        (7, "wrong", ""),
        (8, "member", "alice"),
        (9, "wrong", "bob"),
    ]
    assert [row.why for row in rows if row.state == "wrong"] == [
        "The name is missing.",
        "The same address stands in line 2.",
        "Enter a valid email address.",
        "This username belongs to somebody else.",
    ]
    assert User.objects.count() == people and mail.outbox == []


def test_new_people_are_in_and_choose_a_password_and_known_ones_are_asked(world, teacher, upload):
    take(world, teacher, upload(LIST.encode()))

    assert sorted(str(each) for each in world.classroom.students.all()) == ["alice", "ana", "js"]
    joao = User.objects.get(username="js")
    assert (joao.first_name, joao.last_name, joao.has_usable_password()) == ("João", "da Silva", False)
    letters = {letter.to[0]: letter.body for letter in mail.outbox}
    assert letters.keys() == {"ana@escola.br", "joao@escola.br", "bob@escola.br"}
    assert f"/join/{world.classroom.join_code}/" in letters["bob@escola.br"]

    (link,) = re.findall(r"http://testserver(/password/\S+)", letters["joao@escola.br"])
    browser = Client()
    page = browser.get(link, follow=True)
    chosen = {"new_password1": "correct horse battery", "new_password2": "correct horse battery"}
    assert browser.post(page.request["PATH_INFO"], chosen).status_code == 302
    assert Client().login(username="js", password="correct horse battery")


def test_the_links_are_shown_to_the_instructor_once(world, teacher, upload):
    address = take(world, teacher, upload(LIST.encode())).url
    assert teacher.get(address).content.decode().count("/password/") == 2
    assert "/password/" not in teacher.get(address).content.decode()


def test_what_is_taken_is_what_was_shown(world, teacher, upload):
    signed = upload(LIST.encode()).context["signed"]
    forged = signed[:-4] + "AAAA"
    answer = teacher.post(f"/classes/{world.classroom.pk}/roster/", {"rows": forged})
    assert answer.status_code == 422 and "too old" in answer.content.decode()
    assert not User.objects.filter(username="ana").exists()


def test_a_list_that_is_taken_twice_makes_nobody_twice(world, teacher, upload):
    preview = upload(LIST.encode())
    take(world, teacher, preview)
    take(world, teacher, preview)
    assert User.objects.filter(email="ana@escola.br").count() == 1


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "The file is empty."),
        (b"Ana,ana@escola.br\n", "The first line must name the columns"),
        (b"name,email\n\n", "no student below them"),
        (b"\x00\xff\xfe\x81", "The f"),
        (b"name,email\n" + b"A,a@b.co\n" * 1001, "more than 1000 students"),
        (b"x" * 500_001, "too large"),
    ],
)
def test_a_file_that_is_no_list_is_told(upload, body, why):
    response = upload(body)
    assert response.status_code == 422
    assert why in response.content.decode()


@pytest.mark.parametrize(
    "body",
    [
        b"Nome,E-mail\nAna Souza,ana@escola.br\n",
        "nome;email\nAna Souza;ana@escola.br\n".encode("utf-8-sig"),
        b"email\tnome completo\nana@escola.br\tAna Souza\n",
        b'name,email\r\n"Souza, Ana",ana@escola.br\r\n',
        "nome;email\nAna Conceição;ana@escola.br\n".encode("cp1252"),
    ],
)
def test_lists_as_spreadsheets_write_them(upload, body):
    (row,) = upload(body).context["rows"]
    assert (row.state, row.email, "Ana" in row.name, "�" in row.name) == ("new", "ana@escola.br", True, False)


def test_what_stands_in_a_list_is_text_on_the_page(upload):
    page = upload(b"name,email\n<script>alert(1)</script>,x@y.co\n").content.decode()
    assert "<script>alert" not in page and "&lt;script&gt;" in page
