"""The course, read from `curriculum/content/` once, and kept for all processes of the portal.

A chapter is a folder `NN-slug` with `chapter.yaml`, its theory in `pt-br.md` and `en.md` (or in
neither, while it is not written) and `drawings/`. A lab is a folder inside it; the glossary stands beside
the chapters. See `docs/authoring.md`. Loading collects every mistake before it gives up.
"""

import dataclasses
import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from curriculum.documents import Document, check_document, read_document
from curriculum.drawings import load_drawings
from curriculum.glossary import Place, Spotter, Term, load_glossary
from curriculum.held import Held, Shelf
from curriculum.hints import Cause, Hint
from curriculum.kept import kept_course
from curriculum.lint import lint_chapter, lint_lab
from curriculum.lint_deck import lint_deals, lint_deck
from curriculum.lint_files import lint_manifests, lint_node_ports, lint_objects
from curriculum.lint_plays import lint_plays
from curriculum.lint_quizzes import lint_quiz
from curriculum.live import LiveCourse
from curriculum.problems import CourseError, Problem
from curriculum.prose import (
    CHAPTER_ADDRESS,
    LAB_ADDRESS,
    Page,
    Section,
    read_lab_text,
    read_theory,
    render_line,
)
from curriculum.quiz_prose import compare_quiz_texts, derive_words, read_quiz_text
from curriculum.quizzes import Question, Quiz
from curriculum.recordings import FOLDER, INDEX, LARGEST, MADE_OF, Recording
from curriculum.schema import build, schema_of
from curriculum.specs import Chapter, Condition, Course, LabSpec, Play, Step
from curriculum.text import FIRST_LANGUAGE, LANGUAGES, Text

SOLUTIONS, MUTANTS = "solutions", "mutants"
CONTENT = Path(__file__).resolve().parent / "content"
Sections = Mapping[tuple[str, str], Section]


def get_course() -> Course:
    """The course of this installation: read once and when an administrator asks for it, or, with
    COURSE_RELOAD, whenever its files change. Raises CourseError when they are wrong from the start."""
    return live_course().course() if settings.OPTIONS["COURSE_RELOAD"] else shelf.held().course


def _read() -> Held:
    root = settings.OPTIONS["COURSE"]
    version = hash_folder(root)
    return Held(kept_course(root, load_course), version)


shelf = Shelf(_read)
get_course.cache_clear = shelf.forget  # for tests that choose another course


@functools.cache
def live_course() -> LiveCourse:
    """The course of an author's portal, with what is to be mended in it."""
    return LiveCourse(settings.OPTIONS["COURSE"], load_course)


def load_course(root: Path) -> Course:
    """The course in a folder; raises CourseError with every problem found."""
    problems: list[Problem] = []
    glossary = load_glossary(root, problems)
    spotters = {language: Spotter(glossary.values(), language) for language in LANGUAGES}
    loader = _Loader(root, problems, _find_lab_slugs(root), spotters)
    chapters = [loader.load_chapter(folder) for folder in _find_chapters(root)]
    if not chapters:
        loader.problems.append(
            Problem(Path(), 1, "", "there is no chapter here; add a folder such as 01-foundations")
        )
    course = Course(tuple(chapter for chapter in chapters if chapter))
    terms = {key: _finish_term(term, course, problems) for key, term in glossary.items()}
    if problems:
        raise CourseError(problems)
    return dataclasses.replace(course, glossary=terms)


def hash_folder(folder: Path, *, among: Sequence[str] = ()) -> str:
    """A hash of the names and contents of all files below, except for a recording: it is made of the lab,
    not a part of it. With `among`, only of the files and folders with these names."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        part = file.relative_to(folder).parts[0]
        if part == FOLDER or (among and part not in among):
            continue
        content = file.read_bytes()
        digest.update(f"{file.relative_to(folder).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _find_chapters(root: Path) -> list[Path]:
    return sorted(folder for folder in root.iterdir() if folder.is_dir() and folder.name[:2].isdecimal())


def _find_labs(chapter: Path) -> list[Path]:
    return sorted(file.parent for file in chapter.glob("*/lab.yaml"))


def _find_lab_slugs(root: Path) -> frozenset[str]:
    return frozenset(lab.name for chapter in _find_chapters(root) for lab in _find_labs(chapter))


def _finish_term(term: Term, course: Course, problems: list[Problem]) -> Term:
    """The term with its words as HTML and with the places that explain it."""
    html = Text({language: render_line(words) for language, words in term.means.items()})
    places = []
    for name in term.treated:
        place = _find_lab_place(name, course) or _find_section(name, course)
        if place is None:
            problems.append(_no_place(term, f"there is no section or lab {name!r}; mend it"))
        else:
            places.append(place)
    return dataclasses.replace(term, html=html, places=tuple(places))


def _no_place(term: Term, mend: str) -> Problem:
    return Problem(Path("glossary"), 1, f"{term.key}.treated", mend)


def _find_lab_place(name: str, course: Course) -> Place | None:
    slug = name.removeprefix("lab:")
    lab = next((lab for lab in course.labs if slug == lab.slug and slug != name), None)
    if lab is None:
        return None
    address = LAB_ADDRESS.format(slug=slug)
    titles = {language: f"{lab.number} {title}" for language, title in lab.title.items()}
    return Place(Text(titles), Text(dict.fromkeys(LANGUAGES, address)))


def _find_section(name: str, course: Course) -> Place | None:
    """The section that an English anchor names; the languages' sections stand in the same order."""
    slug, _, anchor = name.partition("#")
    chapter = next((each for each in course.chapters if each.slug == slug and each.has_theory), None)
    anchors = [found for found, _ in chapter.sections("en")] if chapter else []
    if chapter is None or anchor not in anchors:
        return None
    here = {language: chapter.sections(language)[anchors.index(anchor)] for language in LANGUAGES}
    address = CHAPTER_ADDRESS.format(slug=slug)
    return Place(
        Text({language: f"{chapter.number}. {title}" for language, (_, title) in here.items()}),
        Text({language: f"{address}#{found}" for language, (found, _) in here.items()}),
    )


@dataclass(frozen=True)
class _Loader:
    root: Path
    problems: list[Problem]
    lab_slugs: frozenset[str]
    spotters: Mapping[str, Spotter]

    def load_chapter(self, folder: Path) -> Chapter | None:
        document = self._read(folder / "chapter.yaml", Chapter)
        figures = load_drawings(folder / "drawings", self._name(folder / "drawings"), self.problems)
        pages = self._load_theory(folder, figures)
        labs = [self._load_lab(lab, figures) for lab in _find_labs(folder)]
        asked, quiz = self._load_quiz(folder / "quiz", figures)
        if document is None:
            return None
        number, slug = folder.name.split("-", 1)
        if int(number) != document.data["number"]:
            self.problems.append(document.problem(("number",), f"the folder says {number}; make them agree"))
        known = sorted((lab for lab in labs if lab), key=lambda lab: lab.number)
        derived = {"slug": slug, "labs": tuple(known), "pages": pages, "quiz": quiz}
        chapter = build(Chapter, document.data, lambda kind, data: derived if kind is Chapter else {})
        self.problems.extend(lint_chapter(chapter, document))
        if asked and None not in labs:  # a lab that is not read yet would look to its quiz as if it were gone
            self.problems.extend(lint_quiz(chapter, asked))
        return chapter

    def _load_quiz(self, folder: Path, figures: Mapping) -> tuple[Document | None, Quiz | None]:
        if not folder.exists():
            return None, None
        document = self._read(folder / "quiz.yaml", Quiz)
        files = {language: folder / f"{language}.md" for language in LANGUAGES}
        pages = {language: self._page(file, language, figures) for language, file in files.items()}
        texts = {
            language: read_quiz_text(self._read_prose(file), pages[language])
            for language, file in files.items()
        }
        if document is None:
            return None, None
        compare_quiz_texts(document, texts, pages)

        def derive(kind: type, data: Mapping) -> dict:
            if kind is Quiz:
                return {"version": hash_folder(folder)}
            return derive_words(data["key"], texts) if kind is Question else {}

        return document, build(Quiz, document.data, derive)

    def _load_theory(self, folder: Path, figures: Mapping) -> dict:
        files = {language: folder / f"{language}.md" for language in LANGUAGES}
        if not any(file.exists() for file in files.values()):
            return {}
        sources = {language: self._read_prose(file) for language, file in files.items()}
        return {
            language: read_theory(sources[language], self._page(files[language], language, figures))
            for language in files
        }

    def _load_lab(self, folder: Path, figures: Mapping) -> LabSpec | None:
        document = self._read(folder / "lab.yaml", LabSpec)
        texts = {language: self._load_lab_text(folder, language, figures) for language in LANGUAGES}
        plays, recording = self._load_plays(folder), self._load_recording(folder / FOLDER)
        if document is None:
            return None
        self._compare_texts(folder, document, texts)
        lab = build(LabSpec, document.data, _Derivation(folder, texts, plays, recording).derive)
        for lint in (lint_lab, lint_manifests, lint_objects, lint_node_ports, lint_deck):
            self.problems.extend(lint(lab, document))
        documents = {name: found for name, (found, _) in plays.items()}
        for lint in (lint_plays, lint_deals):
            self.problems.extend(lint(lab, documents))
        return lab

    def _load_lab_text(self, folder: Path, language: str, figures: Mapping) -> Sections:
        file = folder / f"{language}.md"
        return read_lab_text(self._read_prose(file), self._page(file, language, figures))

    def _load_plays(self, folder: Path) -> dict[str, tuple[Document, Play]]:
        files = [folder / "solution.yaml"]
        files += [file for place in (SOLUTIONS, MUTANTS) for file in sorted(folder.glob(f"{place}/*.yaml"))]
        found = {file.stem: self._read(file, Play) for file in files}
        return {
            name: (
                document,
                build(Play, document.data, lambda kind, data, name=name: _derive_play(kind, name, folder)),
            )
            for name, document in found.items()
            if document
        }

    def _load_recording(self, folder: Path) -> Recording | None:
        if not folder.exists():
            return None
        document = self._read(folder / INDEX, Recording)
        if sum(file.stat().st_size for file in folder.iterdir()) > LARGEST:
            self._say(folder / INDEX, 1, f"the recording is larger than {LARGEST} bytes; make it anew")
        if document is None:
            return None
        return build(
            Recording, document.data, lambda kind, _: {"folder": folder} if kind is Recording else {}
        )

    def _compare_texts(self, folder: Path, document: Document, texts: Mapping[str, Sections]) -> None:
        wanted = _sections_wanted(document.data)
        for language, sections in texts.items():
            file = folder / f"{language}.md"
            for key in wanted - set(sections):
                self._say(file, 1, f"the section '## {_spell(key)}' is missing; write it")
            for key in set(sections) - wanted:
                self._say(
                    file, sections[key].line, f"lab.yaml has no {_spell(key)!r}; remove it or add it there"
                )
        self._compare_hints(folder, texts)

    def _compare_hints(self, folder: Path, texts: Mapping[str, Sections]) -> None:
        first = texts[FIRST_LANGUAGE]
        for language, sections in texts.items():
            for section, other in ((sections[key], first[key]) for key in sections if key in first):
                if len(section.hints) != len(other.hints):
                    counts = f"{len(section.hints)} hints here, {len(other.hints)} in {FIRST_LANGUAGE}.md"
                    self._say(folder / f"{language}.md", section.line, f"{counts}; write as many")
                elif section.hint_names != other.hint_names:
                    mend = f"the hints have other names than in {FIRST_LANGUAGE}.md; make them agree"
                    self._say(folder / f"{language}.md", section.line, mend)

    def _say(self, file: Path, line: int, mend: str) -> None:
        self.problems.append(Problem(self._name(file), line, "", mend))

    def _read(self, file: Path, kind: type) -> Document | None:
        """The file as a document that fits the dataclass, or None with its problems told."""
        document = read_document(file, self._name(file), self.problems)
        mistakes = check_document(document, schema_of(kind)) if document else []
        self.problems.extend(mistakes)
        return None if mistakes else document

    def _read_prose(self, file: Path) -> str:
        if not file.exists():
            self._say(file, 1, "the file is missing; both languages are needed")
            return ""
        return file.read_text(encoding="utf-8")

    def _page(self, file: Path, language: str, figures: Mapping) -> Page:
        return Page(
            self._name(file), language, figures, self.lab_slugs, self.problems, self.spotters[language]
        )

    def _name(self, file: Path) -> Path:
        return file.relative_to(self.root)


@dataclass(frozen=True)
class _Derivation:
    """What a lab's dataclasses take from the folder and the prose instead of `lab.yaml`."""

    folder: Path
    texts: Mapping[str, Sections]
    plays: Mapping[str, tuple[Document, Play]]
    recording: Recording | None

    def derive(self, kind: type, data: Mapping) -> dict:
        if kind is LabSpec:
            return self._of_lab()
        if kind is Step:
            return self._of_step(data["key"], data.get("when", {}))
        return {"title": self._title("condition", data["key"])} if kind is Condition else {}

    def _of_lab(self) -> dict:
        plays = {name: play for name, (_, play) in self.plays.items()}
        solution = plays.pop("solution", None)
        solutions = [plays.pop(file.stem, None) for file in sorted(self.folder.glob(f"{SOLUTIONS}/*.yaml"))]
        return {
            "slug": self.folder.name,
            "chapter": int(self.folder.parent.name[:2]),
            "folder": self.folder,
            "version": hash_folder(self.folder),
            "made_of": hash_folder(self.folder, among=MADE_OF),
            "recording": self.recording,
            "manifests": tuple(
                file.read_text("utf-8") for file in sorted(self.folder.glob("manifests/*.yaml"))
            ),
            "objects": _read_texts(self.folder / "objects"),
            "card_objects": _read_texts(self.folder / "deck"),
            "solution": solution,
            "solutions": tuple(play for play in solutions if play),
            "mutants": tuple(plays.values()),
            "texts": {key: self._body(key, "") for key in ("intro", "debrief")},
        }

    def _of_step(self, key: str, when: Mapping) -> dict:
        hints = [self._sections(language, "step", key) for language in LANGUAGES]
        pairs = zip(*(section.hints if section else () for section in hints), strict=False)
        names = hints[0].hint_names if hints[0] else ()
        return {
            "title": self._title("step", key),
            "text": self._body("step", key),
            "hints": tuple(
                Hint(dict(zip(LANGUAGES, pair, strict=True)), name, _cause(when.get(name)))
                for name, pair in zip(names, pairs, strict=False)
            ),
        }

    def _sections(self, language: str, kind: str, key: str) -> Section | None:
        return self.texts[language].get((kind, key))

    def _title(self, kind: str, key: str) -> Text:
        found = {language: self._sections(language, kind, key) for language in LANGUAGES}
        return Text({language: section.title if section else key for language, section in found.items()})

    def _body(self, kind: str, key: str) -> Text:
        found = {language: self._sections(language, kind, key) for language in LANGUAGES}
        return Text({language: section.html if section else "" for language, section in found.items()})


def _cause(written: Mapping | None) -> Cause | None:
    return Cause(**written) if written else None


def _derive_play(kind: type, name: str, lab: Path) -> dict:
    if kind is not Play:
        return {}
    # A mutant may write the solution's text, and its own in place of one of the same name.
    return {"name": name, "texts": _read_texts(lab / "solution") | _read_texts(lab / "mutants" / name)}


def _read_texts(folder: Path) -> dict[str, str]:
    return {file.stem: file.read_text("utf-8") for file in sorted(folder.glob("*.yaml"))}


def _sections_wanted(data: Mapping) -> set[tuple[str, str]]:
    steps = {("step", step["key"]) for step in data["steps"]}
    return (
        steps | {("condition", item["key"]) for item in data["conditions"]} | {("intro", ""), ("debrief", "")}
    )


def _spell(section: tuple[str, str]) -> str:
    kind, key = section
    return f"{kind} {key}: ..." if key else kind
