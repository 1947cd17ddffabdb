"""Money is an integer of minor units (fen) beside a currency code; floats never touch it.

Every division here names its rounding. Amounts that come from outside lie in 1..MAX_AMOUNT, the
largest integer that every JSON reader holds exactly (RFC 8259, section 6).
"""

MAX_AMOUNT = 2**53 - 1
DEFAULT_CURRENCY = "CNY"
BASIS_POINTS = 10_000


def share_floor(amount: int, bp: int) -> int:
    """`bp` basis points of `amount`, rounded down to the minor unit."""
    return amount * bp // BASIS_POINTS


def share_half_up(amount: int, ppm: int) -> int:
    """`ppm` parts per million of a non-negative `amount`, rounded half up to the minor unit (D2)."""
    return (amount * ppm * 2 + 1_000_000) // 2_000_000


def in_words(amount: int, currency: str = DEFAULT_CURRENCY) -> str:
    """The amount as people read it: `¥1,234.50` for CNY, `USD 1,234.50` otherwise (two-digit currencies)."""
    sign = "-" if amount < 0 else ""
    whole, fraction = divmod(abs(amount), 100)
    symbol = "¥" if currency == DEFAULT_CURRENCY else f"{currency} "
    return f"{sign}{symbol}{whole:,}.{fraction:02d}"
