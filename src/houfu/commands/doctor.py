"""`houfu doctor`: what is wrong with this installation, in words."""

import asyncio

from houfu.commands.console import DataDir, Exit, Failed, database, say, settings_of, tell


def doctor(data_dir: DataDir = None) -> None:
    """Look at everything the service leans on; exit code 1 where something does not work."""
    from houfu.core.clock import SystemClock
    from houfu.db.doctor import Finding, Level, findings, place_findings

    settings = settings_of(data_dir)
    found = [] if settings.database_url is not None else place_findings(settings.data_dir)
    if not any(finding.level is Level.BROKEN for finding in found):
        try:
            with database(settings, migrated=False) as dsn:
                embedded = settings.database_url is None
                found += asyncio.run(findings(dsn=dsn, embedded=embedded, clock=SystemClock()))
        except Failed as failed:
            found.append(Finding("server", Level.BROKEN, str(failed), failed.remedy))
    for finding in found:
        say(f"{finding.level.value:8} {finding.subject}: {finding.sentence}")
        if finding.remedy:
            say(f"{'':8} {finding.remedy}")
    broken = any(finding.level is Level.BROKEN for finding in found)
    tell({"healthy": not broken, "findings": found})
    if broken:
        raise SystemExit(int(Exit.NO))
