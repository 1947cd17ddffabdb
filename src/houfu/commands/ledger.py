"""`houfu ledger`: prove the books."""

import asyncio

import typer

from houfu.commands.console import DataDir, Exit, database, say, settings_of, tell

app = typer.Typer(help="The books.", no_args_is_help=True)


@app.callback()
def _books() -> None:
    """The books."""


@app.command()
def verify(data_dir: DataDir = None) -> None:
    """Prove every invariant of the books; exit code 1 and the first break otherwise."""
    from houfu.db.tx import open_pool
    from houfu.ledger.verify import INVARIANTS, Proof
    from houfu.ledger.verify import verify as prove
    from houfu.lines.invariants import INVARIANTS as OF_LINES
    from houfu.reconciliation.invariants import INVARIANTS as OF_RECONCILIATION
    from houfu.withdrawals.invariants import INVARIANTS as OF_WITHDRAWALS

    async def run(dsn: str) -> Proof:
        async with open_pool(dsn, as_app=False) as pool:
            return await prove(
                pool.acquire, {**INVARIANTS, **OF_LINES, **OF_WITHDRAWALS, **OF_RECONCILIATION}
            )

    with database(settings_of(data_dir)) as dsn:
        proof = asyncio.run(run(dsn))
    tell(proof)
    if proof.first_break is not None:
        broken = proof.first_break
        say(f"{broken.invariant} is broken in store {broken.store_id}, {broken.place}: {broken.finding}")
        raise SystemExit(int(Exit.NO))
    say(
        f"{proof.stores} stores, {proof.journals} journals, {proof.postings} postings: every invariant holds."
    )
