"""What the processes say of themselves: one JSON line per event, nobody's numbers in it (日志)."""

import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

# A resident ID, a mobile number: their middle is never written down (脱敏).
_PERSONAL = (
    (re.compile(r"(?<![0-9A-Za-z])(\d{6})\d{8}(\d{3}[\dXx])(?![0-9A-Za-z])"), r"\1********\2"),
    (re.compile(r"(?<![0-9A-Za-z])(1[3-9]\d)\d{4}(\d{4})(?![0-9A-Za-z])"), r"\1****\2"),
)


def configure_logs() -> None:
    """One configuration for web, worker and commands alike (日志设定)."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _in_one_line,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def masked(text: str) -> str:
    """The text without anybody's whole ID or telephone number (脱敏)."""
    for pattern, kept in _PERSONAL:
        text = pattern.sub(kept, text)
    return text


def _in_one_line(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    line = structlog.processors.JSONRenderer(ensure_ascii=False)(logger, method, event)
    return masked(line if isinstance(line, str) else line.decode())
