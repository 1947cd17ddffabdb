"""The invariants of reconciliation, for `houfu.ledger.verify`."""

from houfu.db.queries import load

INVARIANTS = load(__package__, "invariants.sql")
