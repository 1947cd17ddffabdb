"""Logs of the running service: one JSON object a line, on stderr. Keys, bodies and bank numbers are never logged."""

import logging
import sys

import structlog


def configure_logging(level: str) -> None:
    """Log from `level` on."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_values,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # What uvicorn and asyncio have to say, if it is serious.
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr, format="%(message)s")


def _without_values(
    _logger: object, _method: str, event: "structlog.typing.EventDict"
) -> "structlog.typing.EventDict":
    """A fault is told by its kind and place: its message may quote a row."""
    from houfu.db.tx import without_values

    fault = event.pop("exc_info", None)
    if isinstance(fault, BaseException):
        event.update(without_values(fault))
    return event
