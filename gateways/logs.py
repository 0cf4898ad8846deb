"""Logs as one JSON object a line on standard error, for whoever gathers them."""

import logging

import structlog


def configure(level: str) -> None:
    """Once a process, before anything is logged. `level` is a name such as INFO."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
    )
    logging.basicConfig(level=level.upper())
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs addresses at INFO
