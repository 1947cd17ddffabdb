"""Amounts as the messages write them: decimal text beside a currency code, exact, from and to minor units (ISO 4217)."""

import re
from collections.abc import Mapping
from typing import Final

from houfu.core.money import MAX_AMOUNT
from houfu.iso20022.message import MessageRefused

_DIGITS: Final[Mapping[str, int]] = {
    **dict.fromkeys(
        (
            "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW",
            "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    "CLF": 4,
    "UYW": 4,
}  # fmt: skip
SUM_MAX: Final = 10**18
"""No schema has longer sums."""
_AMOUNT: Final = re.compile(r"\+?([0-9]{1,18})(?:\.([0-9]{0,17}))?", re.ASCII)
_PLAIN_LENGTH_MAX: Final = 15
"""Shorter texts are less than any limit."""
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


def digits_of(currency: str) -> int:
    """Digits after the point: 2, but for the currencies that differ. Refuses what is no currency code."""
    if _CURRENCY.fullmatch(currency) is None:
        raise MessageRefused(f"{currency[:10]!r} is not a currency")
    return _DIGITS.get(currency, 2)


def amount_text(amount: int, digits: int) -> str:
    """`amount` minor units, zero or more, as decimal text."""
    if digits == 2:
        return f"{amount // 100}.{amount % 100:02d}"
    if digits == 0:
        return str(amount)
    whole, fraction = divmod(amount, 10**digits)
    return f"{whole}.{fraction:0{digits}d}"


def minor_of(text: str | None, digits: int, *, most: int = MAX_AMOUNT) -> int:
    """Minor units of decimal text, zero or more. Refuses signs, exponents, amounts finer than the currency, and more
    than `most`."""
    if text is not None and len(text) < _PLAIN_LENGTH_MAX:
        # As nearly every amount is written: all its decimals, nothing else.
        whole, point, fraction = text.partition(".")
        plain = whole + fraction
        if (
            whole
            and len(fraction) == digits
            and bool(point) == bool(digits)
            and plain.isascii()
            and plain.isdigit()
        ):
            return int(plain)
    found = _AMOUNT.fullmatch((text or "").strip())
    if found is None:
        raise MessageRefused(f"{(text or '')[:40]!r} is not an amount")
    whole, fraction = found.group(1), (found.group(2) or "").rstrip("0")
    if len(fraction) > digits:
        raise MessageRefused(f"amount {text} has more decimals than its currency: {digits} at most")
    minor = int(whole + fraction.ljust(digits, "0"))
    if minor > most:
        raise MessageRefused(f"amount {text} is larger than any that is read")
    return minor
