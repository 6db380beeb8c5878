"""Amounts as Kubernetes writes them: `500m`, `64Mi`, `2`."""

from decimal import Decimal, InvalidOperation

_SUFFIXES: dict[str, Decimal] = {
    **{
        suffix: Decimal(1024) ** power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)
    },
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate(("k", "M", "G", "T", "P", "E"), 1)},
    "m": Decimal("0.001"),
    "u": Decimal("0.000001"),
    "n": Decimal("0.000000001"),
}


def amount(quantity: str | int | float) -> Decimal:
    """Raises ValueError for what is no quantity."""
    text = str(quantity)
    suffix = next((s for s in _SUFFIXES if text.endswith(s)), "")
    try:
        value = Decimal(text.removesuffix(suffix)) * _SUFFIXES.get(suffix, Decimal(1))
        if not value.is_finite():
            raise InvalidOperation
        return value
    except InvalidOperation:
        raise ValueError(f"{text} is no quantity") from None


def written(value: Decimal, resource: str) -> str:
    """The shortest form Kubernetes would show: millis of CPU, binary suffixes of memory, else a number."""
    if value != value.to_integral_value():
        return f"{int((value * 1000).to_integral_value())}m"
    whole = int(value)
    if resource.endswith("memory"):
        for suffix in ("Gi", "Mi", "Ki"):
            if whole and whole % int(_SUFFIXES[suffix]) == 0:
                return f"{whole // int(_SUFFIXES[suffix])}{suffix}"
    return str(whole)
