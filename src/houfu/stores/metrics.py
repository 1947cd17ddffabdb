"""A store's month in figures. Never edited: a correction is a new revision, and the newest counts."""

from datetime import date, datetime

import msgspec


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """One calendar month. `gmv` in fen, DSR scores in hundredths (480 = 4.80), rates in basis points."""

    orders: int
    gmv: int
    dsr_description: int
    dsr_service: int
    dsr_logistics: int
    return_rate_bp: int
    good_review_bp: int
    complaint_bp: int


class KnownMetrics(Metrics, frozen=True, kw_only=True):
    """A month as we know it: `month` is its first day, `revision` counts from 1."""

    month: date
    revision: int
    recorded_at: datetime

    def says(self, metrics: Metrics) -> bool:
        """Whether `metrics` brings nothing new."""
        return all(getattr(self, name) == getattr(metrics, name) for name in Metrics.__struct_fields__)
