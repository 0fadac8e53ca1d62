"""Makes a module of the project in the current folder: `python -m wasmill.build`."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

_PINNED = "0.25.1"

_START = """\
import sys
import plugin
from wasmill import guest
Lifecycle, BatchProcessor = guest.exported(plugin, *{about!r})
"""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m wasmill.build", description=__doc__)
    parser.add_argument("--out", type=Path, help="the module; NAME.wasm unless given")
    parser.add_argument("--wit", type=Path, help="the contract")
    options = parser.parse_args()
    try:
        import tomllib
    except ModuleNotFoundError:
        _stop(f"Python 3.11 or later is needed, and this is {sys.version.split()[0]}")
    sdk = Path(__file__).resolve().parent
    wit = options.wit or next((path for path in (sdk.parents[1] / "wit", sdk.parents[2] / "wit") if path.is_dir()), None)
    if wit is None:
        _stop(f"the contract is not beside {sdk}")
    if not Path("pyproject.toml").is_file() or not Path("plugin.py").is_file():
        _stop(f"no pyproject.toml and plugin.py in {Path.cwd()}")
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    about = project.get("project", {})
    schema = project.get("tool", {}).get("wasmill", {}).get("settings-schema")
    given = (
        about.get("name", Path.cwd().name),
        about.get("version", "0.0.0"),
        about.get("description", ""),
        None if schema is None else Path(schema).read_text(encoding="utf-8"),
    )
    _check_syntax(Path("plugin.py"))
    out = (options.out or Path(f"{given[0]}.wasm")).resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="wasmill-") as scratch:
        Path(scratch, "wasmill_start.py").write_text(_START.format(about=given), encoding="utf-8")
        command = [_tool(), "-d", str(wit), "-w", "batch-plugin", "componentize", "wasmill_start", "-o", str(out)]
        for folder in (scratch, str(Path.cwd()), str(sdk.parent)):
            command += ["-p", folder]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, check=False)
    if done.returncode != 0:
        sys.stderr.write(_readable(done.stderr + done.stdout))
        sys.exit(1)


def _tool() -> str:
    """componentize-py, which is installed beside the interpreter that runs this."""
    path = Path(sys.executable).with_name("componentize-py")
    if not path.exists() and not path.with_suffix(".exe").exists():
        _stop(f"componentize-py is not installed beside {sys.executable}: {sys.executable} -m pip install componentize-py=={_PINNED}")
    return str(path)


def _check_syntax(file: Path) -> None:
    """The author's own file and line, in the usual form."""
    try:
        compile(file.read_text(encoding="utf-8"), str(file), "exec")
    except SyntaxError as error:
        print(f"{file}:{error.lineno}:{error.offset}: SyntaxError: {error.msg}", file=sys.stderr)
        if error.text:
            print(f"    {error.text.rstrip()}\n    {' ' * ((error.offset or 1) - 1)}^", file=sys.stderr)
        sys.exit(1)


def _readable(text: str) -> str:
    """The author's part of what the tool says: a traceback lies between its own, and folders have numbers there."""
    own = re.search(r'AssertionError: (Traceback .*?)\n\n+Caused by:', text, re.DOTALL)
    if own is not None:
        text = re.sub(r'  File "/\d+/wasmill_start\.py".*\n    .*\n(    [ ~^]*\n)?', "", own[1])
    return text.replace('"/1/', '"').rstrip() + "\n"


def _stop(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    main()
