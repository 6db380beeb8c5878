"""Columns of a Table and the cells many kinds share."""

from dataclasses import dataclass

from netlab.store import clock


@dataclass(frozen=True)
class Column:
    name: str
    type: str = "string"
    priority: int = 0  # 1: shown only with -o wide

    def definition(self) -> dict:
        return {
            "name": self.name,
            "type": self.type,
            "format": "name" if self.name == "Name" and not self.priority else "",
            "description": "",
            "priority": self.priority,
        }


def age(obj: dict) -> str:
    stamp = obj["metadata"].get("creationTimestamp")
    return clock.age(stamp) if stamp else "<unknown>"


def joined(labels: dict | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or "<none>"
