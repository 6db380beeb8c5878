"""The folder of a new lab: small, honest and playable, for an author to change piece by piece."""

import re
from pathlib import Path

from curriculum.schema import KEY_PATTERN
from curriculum.text import LANGUAGES

TODO = re.compile(r"\bTODO\b")
NUMBER = re.compile(r"[1-6]\.[1-9]")

_LAB = """\
number: "{number}"
title: {{pt-br: "{pt}", en: "{en}"}}
summary: {{pt-br: "TODO: uma frase para as listas.", en: "TODO: one sentence for lists."}}
minutes: 15
tanenbaum: {{pt-br: "TODO: capítulo e tópico", en: "TODO: chapter and topic"}}
objectives:
  - {{pt-br: "TODO: o que o estudante saberá fazer", en: "TODO: what the student will be able to do"}}
pods:
  - {{name: ana, node: 1}}
  - {{name: beto, node: 2}}
panes: [ana]
steps:
  - {{key: ping, kind: exec, pod: ana, pane: ana, argv: [ping, -c, "3", "${{beto.ip}}"]}}
  - {{key: answer-ttl, kind: answer, accepts: number}}
  - {{key: shell, kind: terminal, pod: ana, argv: [ping, "${{beto.ip}}"]}}
conditions:
  - {{key: reach, kind: reach, settings: {{source: ana, target: beto, protocol: icmp}}}}
  - {{key: echo-pair, kind: capture, settings: {{shows: echo-pair, source: ana, target: beto}}}}
  - {{key: ttl, kind: answer, settings: {{step: answer-ttl, equals: reply-ttl, source: ana, target: beto}}}}
"""
_POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: {name}
spec:
  serviceAccountName: student
  terminationGracePeriodSeconds: 1
  nodeSelector:
    kubernetes.io/hostname: ${{{name}.node}}
  containers:
    - name: toolbox
      image: redes.local/toolbox:0.1.0
      imagePullPolicy: IfNotPresent
      command: [redes-idle]
      securityContext:
        capabilities:
          add: [NET_ADMIN, NET_RAW]
"""
_PLAYS = {
    "solution": """\
tells: Ping, and read the TTL off the replies.
acts:
  - {do: run, step: ping}
  - {do: answer, step: answer-ttl, of: ping, reads: 'ttl=(\\d+)'}
""",
    "mutants/never-pinged": """\
tells: The answer is given without a single packet.
fails:
  echo-pair: No echo request of yours
  ttl: Nothing to compare your answer with
acts:
  - {do: answer, step: answer-ttl, value: "62"}
""",
    "mutants/wrong-ttl": """\
tells: The student answers the TTL at departure instead of the one that arrived.
fails:
  ttl: with another TTL
acts:
  - {do: run, step: ping}
  - {do: answer, step: answer-ttl, value: "64"}
""",
    "mutants/printed": """\
tells: The student prints lines that look like ping's. A pane proves nothing.
fails:
  echo-pair: No echo request of yours
  ttl: Nothing to compare your answer with
acts:
  - {do: type, step: shell, value: "echo 64 bytes from ${beto.ip}: icmp_seq=1 tt''l=62", until: ttl=62}
  - {do: answer, step: answer-ttl, value: "62"}
""",
}
_PROSE = {
    "pt-br": ("TODO: escreva aqui.", "Pingue beto", "Qual TTL chegou?", "Olhe por conta própria"),
    "en": ("TODO: write here.", "Ping beto", "Which TTL arrived?", "Look for yourself"),
}
_PROVEN = {
    "pt-br": ("beto é alcançado", "Um par echo foi capturado", "O TTL foi lido certo"),
    "en": ("beto is reached", "An echo pair was captured", "The TTL was read right"),
}


class ScaffoldError(ValueError):
    """A lab that cannot be begun so; the text says what to do."""


def new_lab(chapter: Path, slug: str, number: str, titles: dict[str, str]) -> Path:
    """Write the folder and give it back. Raises ScaffoldError."""
    if not chapter.is_dir():
        raise ScaffoldError(f"there is no chapter {chapter.name}; name a folder such as 02-addressing")
    if not re.fullmatch(KEY_PATTERN, slug) or not NUMBER.fullmatch(number):
        raise ScaffoldError("a slug is small letters, digits and hyphens; a number is like 2.4")
    folder = chapter / slug
    if folder.exists():
        raise ScaffoldError(f"{folder} is there already; choose another slug")
    for name, text in _files(number, titles).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def unwritten(content: Path) -> list[str]:
    """Where an author has left a TODO in a lab: `file:line`."""
    files = (file for lab in content.glob("*/*/lab.yaml") for file in sorted(lab.parent.rglob("*")))
    return [
        f"{file.relative_to(content)}:{number}"
        for file in files
        if file.suffix in (".yaml", ".md")
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if TODO.search(line)
    ]


def _files(number: str, titles: dict[str, str]) -> dict[str, str]:
    lab = _LAB.format(number=number, pt=titles["pt-br"], en=titles["en"])
    pods = "---\n".join(_POD.format(name=name) for name in ("ana", "beto"))
    plays = {f"{name}.yaml": text for name, text in _PLAYS.items()}
    prose = {f"{language}.md": _prose(language) for language in LANGUAGES}
    return {"lab.yaml": lab, "manifests/pods.yaml": pods, **plays, **prose}


def _prose(language: str) -> str:
    todo, *titles = _PROSE[language]
    steps = zip(("ping", "answer-ttl", "shell"), titles, strict=True)
    conditions = zip(("reach", "echo-pair", "ttl"), _PROVEN[language], strict=True)
    sections = [f"## intro\n\n{todo}\n"]
    sections += [f"## step {key}: {title}\n\n{todo}\n" for key, title in steps]
    sections += [f"## condition {key}: {title}\n" for key, title in conditions]
    return "\n".join([*sections, f"## debrief\n\n{todo}\n"])
