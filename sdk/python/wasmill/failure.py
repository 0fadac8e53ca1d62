"""Why an event was not processed."""

from __future__ import annotations

import traceback
from typing import Literal

Kind = Literal["reject", "retry", "stop"]


class Failure(Exception):
    """What Reject, Retry and Stop have in common: a short and stable code for metrics, and a message for a person."""

    kind: Kind = "reject"

    def __init__(self, code: str, message: str = "", *, detail: str | None = None) -> None:
        super().__init__(message or code)
        self.code = str(code)
        self.message = str(message)
        self.detail = detail


class Reject(Failure):
    """The event can never be processed: the plugin's failure policy applies, by default the dead-letter topic."""

    kind = "reject"


class Retry(Failure):
    """It may work later: the host commits what is done, waits, and offers the same event again."""

    kind = "retry"


class Stop(Failure):
    """The plugin cannot go on, whatever the event: the host stops it at this event, and nothing is dead-lettered."""

    kind = "stop"


def failure_of(raised: BaseException) -> Failure:
    """What was raised. Whatever is no failure of the author's rejects the event it was raised for."""
    if isinstance(raised, Failure):
        return raised
    message = "".join(traceback.format_exception_only(raised)).strip()
    return Reject("exception", message, detail=stack_of(raised))


def stack_of(raised: BaseException) -> str:
    """The traceback, from the author's code on."""
    trace = raised.__traceback__
    while trace is not None and "/wasmill/" in trace.tb_frame.f_code.co_filename:
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(raised), raised, trace)).rstrip()
