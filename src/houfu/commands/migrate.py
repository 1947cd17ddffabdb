"""`houfu migrate`: bring the database to this version's schema."""

import asyncio

from houfu.commands.console import DataDir, database, say, settings_of, tell


def migrate(data_dir: DataDir = None) -> None:
    """Bring the database to this version's schema; doing it again does nothing."""
    from houfu.db.migrate import migrate as apply

    with database(settings_of(data_dir), migrated=False) as dsn:
        done = asyncio.run(apply(dsn))
    say("The schema is up to date." if not done else f"Applied {len(done)} migration(s).")
    tell({"applied": done})
