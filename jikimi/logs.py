"""Logs go to stderr as one line an event: key=value for people, JSON for machines (`JIKIMI_LOG=json`)."""

import logging
import os
import sys

import structlog


def set_up_logs(*, verbose: bool) -> None:
    """Warnings and worse; everything from INFO with `verbose`."""
    level = logging.INFO if verbose else logging.WARNING
    as_json = os.environ.get("JIKIMI_LOG") == "json"
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # its errors reach people as ours, in a sentence
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
