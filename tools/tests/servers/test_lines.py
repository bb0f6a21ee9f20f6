"""The lines on the pages of docs/servers/, run as they are written by the patched interpreter."""

from __future__ import annotations

import ast
import os
import subprocess
from pathlib import Path

import pytest
from cpatch.base.errors import CpatchError
from cpatch.base.project import Project
from cpatch.measuring import serverpages
from cpatch.servers import setups
from cpatch.servers.setups import BLOCKS, MODES, SETUPS

PROJECT = Project.find()
PAGES = sorted({setup.page for setup in SETUPS.values()})

#: What of a server calls the lines; nothing where they run by themselves.
CALLS = {"gunicorn": "when_ready(None)", "celery": "worker_init.send(sender=None)"}

SIGNALS = """
class Signal:
    def __init__(self):
        self.receivers = []
    def connect(self, receiver):
        self.receivers.append(receiver)
        return receiver
    def send(self, **named):
        for receiver in self.receivers:
            receiver(**named)
worker_init = Signal()
"""


def built() -> Path | None:
    """The patched interpreter that was built last, if there is one that is not for debugging."""
    found = [
        path
        for flavor in ("release", "pgo")
        for path in PROJECT.build.glob(f"*/obj-patched-{flavor}/python")
        if os.access(path, os.X_OK)
    ]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def test_every_page_has_its_blocks() -> None:
    assert (
        sorted(
            path.stem
            for path in (PROJECT.root / "docs/servers").glob("*.md")
            if path.stem != "README"
        )
        == PAGES
    )
    for page in PAGES:
        path = PROJECT.root / "docs" / "servers" / f"{page}.md"
        for kind in BLOCKS:
            compile(serverpages.block(path, kind), str(path), "exec")


def test_a_page_without_its_marks_is_named(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nimport gc\n```\n")
    with pytest.raises(CpatchError, match="0 blocks of lines marked immortal"):
        serverpages.block(page, "immortal")


@pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS)
def test_the_wheel_s_lines_differ_in_one_import_and_call(setup: setups.Setup) -> None:
    for_patched = setups.lines(PROJECT, setup, MODES["immortal"])
    for_wheel = setups.lines(PROJECT, setup, MODES["wheel"])
    back = for_wheel.replace("import immortal_heap", "import gc")
    assert back.replace("immortal_heap.freeze()", "gc.immortalize_heap()") == for_patched
    assert for_wheel != for_patched
    compile(for_wheel, setup.page, "exec")


def test_lines_without_that_import_are_refused() -> None:
    with pytest.raises(CpatchError, match="import gc once"):
        serverpages.for_wheel("import gc, sys\n")


@pytest.mark.parametrize("page", PAGES)
def test_the_lines_make_the_heap_immortal(page: str, tmp_path: Path) -> None:
    python = built()
    if python is None:
        pytest.skip("no patched interpreter is built: make")
    package = tmp_path / "celery"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "signals.py").write_text(SIGNALS)
    lines = serverpages.block(PROJECT.root / f"docs/servers/{page}.md", "immortal")
    code = f"""
import gc, sys
sys.path.insert(0, {str(tmp_path)!r})
catalogue = [[str(number)] for number in range(1000, 2000)]
sys.modules["sys"].catalogue = catalogue
assert not gc.is_immortal(catalogue)
{lines}
{CALLS.get(page, "")}
assert gc.is_immortal(catalogue)
assert gc.is_immortal(catalogue[-1][0])
"""
    done = subprocess.run(
        [python, "-X", "immortal_heap=off", "-c", code], capture_output=True, text=True,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("kind", ["preload", "main"])
def test_the_fork_server_s_files_are_those_that_cpython_s_tests_run(kind: str) -> None:
    tree = ast.parse((PROJECT.root / "Lib/test/test_immortal_forkserver.py").read_text())
    texts = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    page = PROJECT.root / "docs/servers/multiprocessing.md"
    assert texts[kind.upper()] == serverpages.block(page, kind)


@pytest.mark.skipif(
    not os.environ.get("CPATCH_TEST_SERVERS"),
    reason="installs servers from PyPI: CPATCH_TEST_SERVERS=1 runs it",
)
@pytest.mark.parametrize("setup", SETUPS)
def test_the_verb_runs_the_servers(setup: str, tmp_path: Path) -> None:
    python = PROJECT.build / "venv" / "bin" / "python"
    done = subprocess.run(
        [python, "-m", "cpatch", "servers", "--quick", "--flavor", "release", "--app", setup,
         "--output", tmp_path],
        env={**os.environ, "PYTHONPATH": str(PROJECT.root / "tools")},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "immortal" in (tmp_path / "report.md").read_text()
