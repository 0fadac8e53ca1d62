"""Write Wasmill plugins in Python.

A plugin is a subclass of `Plugin` in `plugin.py`: it names its inputs, sinks and stores in `setup`, and answers each event with
outputs in `process`."""

from .context import Context
from .failure import Reject, Retry, Stop
from .plugin import NoSettings, Plugin
from .run import Event, Timer
from .store import BytesStore, Store
from .window import Window, Windows, WindowUpdate
from .wiring import Input, Sink, Wiring, duration

__all__ = [
    "BytesStore",
    "Context",
    "Event",
    "Input",
    "NoSettings",
    "Plugin",
    "Reject",
    "Retry",
    "Sink",
    "Stop",
    "Store",
    "Timer",
    "Window",
    "WindowUpdate",
    "Windows",
    "Wiring",
    "duration",
]
