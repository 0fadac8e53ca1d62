"""Python's logging, to the host's log."""

from __future__ import annotations

import logging

from . import host

#: What a record has of its own; anything besides came by `extra`.
_OWN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Handler(logging.Handler):
    """Hands records over. What `extra` gives become fields of the line."""

    def emit(self, record: logging.LogRecord) -> None:
        if not host.is_there():
            return
        fields = [(name, str(value)) for name, value in vars(record).items() if name not in _OWN]
        if record.name != "root":
            fields.append(("logger", record.name))
        try:
            host.host().log(record.levelno, self.format(record), fields)
        except Exception:
            self.handleError(record)


def install() -> None:
    """Replaces what the root logger has."""
    logging.root.handlers[:] = [Handler()]


def begin() -> None:
    """A call of the host's begins: what it keeps may have changed."""
    level = host.host().level()
    logging.root.setLevel(logging.CRITICAL + 1 if level is None else level)
