"""The interface of calendars."""

from houfu.http.route import AnyRoute


def routes() -> list[AnyRoute]:
    """The routes of this capability."""
    return []
