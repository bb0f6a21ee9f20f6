"""The long leg of headers: which rows words choose, and when crates are unpacked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from buildtoy import Toy, make_toy
from cpatch.base.errors import CpatchError
from cpatch.building import host
from cpatch.headers import session, table
from cpatch.headers.table import Group, Row, Table
from cpatch.measuring import environments, interpreters

ROOT = Path(__file__).parents[3]
KNOWN = Table(
    (
        Group("C", ("gcc", "clang"), {"C99": []}, source="work.c"),
        Group("PyO3", ("",), {"cargo build": []}, tool="cargo", crates=("pyo3", "libc")),
        Group("PyO3: a wheel", ("",), {"maturin build": []}, tool="maturin", crates=("pyo3",)),
    )
)


class Asked:
    """What a run of the long leg did, with nothing built."""

    def __init__(self, toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
        self.toy = toy
        self.downloads: list[list[str]] = []
        self.rows: list[str] = []
        self.crates: Path | str = ""
        side = SimpleNamespace(name="stock", python=str(toy.root / "bin" / "python"), made_from={})
        venv = SimpleNamespace(python=Path("python"), packages=[])
        monkeypatch.setattr(session, "load_table", lambda project: KNOWN)
        monkeypatch.setattr(interpreters, "pair", lambda *given, **more: (None, side))
        monkeypatch.setattr(environments, "ensure", lambda *given: venv)
        monkeypatch.setattr(host, "is_debian", lambda: True)
        monkeypatch.setattr(session, "_version", lambda program: "1")
        monkeypatch.setattr(session.proc, "run", self.run)
        monkeypatch.setattr(session.Session, "rows", lambda job, rows: self.take(job, rows))

    def run(self, argv: Sequence[str], **more: object) -> None:
        self.downloads.append([str(word) for word in argv[2:]])

    def take(self, job: session.Session, rows: Sequence[Row]) -> list[session.Result]:
        self.rows, self.crates = [row.title for row in rows], job.crates
        return []

    def every(self, *words: str) -> None:
        session.every(self.toy.project, self.toy.pin, 1, words)


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(make_toy(tmp_path / "toy", monkeypatch), monkeypatch)


def test_words_choose_rows(asked: Asked) -> None:
    asked.every("clang", "maturin")
    assert asked.rows == ["C: clang C99", "PyO3: a wheel: maturin build"]
    asked.every()
    assert len(asked.rows) == 4


def test_a_word_of_no_row_is_refused(asked: Asked) -> None:
    with pytest.raises(CpatchError, match="no row has") as caught:
        asked.every("gcc", "clagn")
    assert (caught.value.got, caught.value.code) == ("clagn", 2)
    assert "PyO3" in (caught.value.wanted or "")
    assert asked.rows == []


def test_crates_of_all_rows_are_unpacked_once_for_any(asked: Asked) -> None:
    asked.every("gcc")
    assert (asked.downloads, asked.crates) == ([], "no crates")
    for words in (["maturin"], [], ["gcc"], ["cargo"]):
        asked.every(*words)
    assert asked.downloads == [["librust-libc-dev", "librust-pyo3-dev"]]
    assert isinstance(asked.crates, Path)


@pytest.mark.parametrize(("tool", "crates"), [("maturin", "[]"), ("pip", '["pyo3"]')])
def test_crates_are_named_by_what_needs_some(tmp_path: Path, tool: str, crates: str) -> None:
    path = tmp_path / "rows.toml"
    row = f'title = "A"\ncompilers = [""]\ntool = "{tool}"\nvariants = {{}}\ncrates = {crates}\n'
    path.write_text(f"[[group]]\n{row}")
    with pytest.raises(CpatchError, match="crates are for cargo and maturin"):
        table.load(path)
    assert table.load(ROOT / "tools" / "headers" / "rows.toml").groups
