"""Logs as one JSON object a line on standard error, ours and our libraries', without what must not be in one."""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from gateways.redaction import redacted

_SERVER = ("uvicorn", "uvicorn.error", "uvicorn.access")
_CHATTY = ("httpx", "stripe")
"""At INFO httpx logs addresses, and Stripe's SDK two lines a call, which say no more than that there was one."""
_KEPT = {"_record", "_from_structlog"}


def _redact(_: Any, __: str, event: EventDict) -> EventDict:
    """Last, when tracebacks are text."""
    return {name: one if name in _KEPT else redacted({name: one})[name] for name, one in event.items()}


_ALL: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
)


def configure(level: str) -> None:
    """Once a process, before anything is logged. `level` is a name such as INFO."""
    structlog.configure(
        processors=[*_ALL, _redact, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    libraries = logging.StreamHandler()
    libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_ALL],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _redact,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[libraries], force=True)
    for name in _SERVER:  # it has handlers of its own, which write tracebacks as they are
        server = logging.getLogger(name)
        server.propagate = server.propagate or bool(server.handlers)  # neither: it was told to say nothing there
        server.handlers.clear()
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
