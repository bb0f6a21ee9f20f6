"""The verb servers: its parts, and whole runs of a toy server."""

from __future__ import annotations

import math
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import benchtoy
import pytest
import serverstoy
from cpatch import cli
from cpatch.base.errors import CpatchError
from cpatch.base.project import Project
from cpatch.measuring import environments
from cpatch.servers import figures as servers_stats
from cpatch.servers import load as servers_load
from cpatch.servers import memory, report, running, session, setups
from cpatch.servers.cases import Case, Results
from cpatch.servers.running import RunFailedError
from cpatch.servers.setups import MODES, SETUPS, Start

ROLLUP = """\
55d0c0a00000-7ffd7f5fe000 ---p 00000000 00:00 0                          [rollup]
Rss:               89500 kB
Pss:               44250 kB
Pss_Dirty:         40000 kB
Shared_Clean:       4096 kB
Shared_Dirty:      12288 kB
Private_Clean:        64 kB
Private_Dirty:     40192 kB
SwapPss:               3 kB
"""


# --- memory


def test_rollup_is_read_in_bytes() -> None:
    found = memory.parse_rollup(ROLLUP)
    assert found["pss"] == 44250 * 1024
    assert found["private_dirty"] == 40192 * 1024
    assert found["swap_pss"] == 3072
    assert memory.parse_rollup("Pss: 1 kB\n")["rss"] == 0


def test_stat_of_a_program_with_a_strange_name() -> None:
    text = "12 (a) b) S 7 12 5 0 -1 4194560 321 9 1 0 30 4 0 0 20 0 1 0 100 1 1"
    found = memory.parse_stat(text)
    assert found == memory.Process(pid=12, parent=7, session=5, minor_faults=321, cpu_ticks=34)
    assert memory.parse_stat(text.replace(") S", ") Z")) is None


def test_sample_of_ourselves() -> None:
    ours = next(each for each in memory.of_session(os.getsid(0)) if each.pid == os.getpid())
    found = memory.usage(ours, "parent")
    assert found
    assert 2**20 < found.private_dirty <= found.pss <= found.rss


# --- the load


def test_the_mix_is_the_same_for_a_seed() -> None:
    one, two = ([servers_load.ask(random.Random(7), 50) for _ in range(3)] for _ in range(2))
    assert one == two
    dice = random.Random(1)
    pages = Counter(servers_load.ask(dice, 500).page for _ in range(5000))
    assert set(pages) == set(servers_load.MIX)
    assert sum(servers_load.MIX.values()) == 100
    for page, share in servers_load.MIX.items():
        assert abs(pages[page] / 50 - share) < 2


def test_both_applications_have_every_page() -> None:
    root = Path(__file__).parents[2] / "servers"
    urls = (root / "django_shop/shop/urls.py").read_text()
    rules = (root / "shelf/shop/web.py").read_text()
    dice = random.Random(1)
    for what in {ask.page: ask for ask in (servers_load.ask(dice, 9) for _ in range(200))}.values():
        stem = what.path.strip("/").split("/")[0].split("?")[0]
        assert f'"{stem}/' in urls or not stem
        assert f'"/{stem}/' in rules or f'"/{stem}"' in rules


# --- whole runs


def go(tmp_path: Path, how: str, *, requests: int = 60, seconds: float = 20.0) -> dict:
    start = serverstoy.start(tmp_path, running.free_port(), requests)
    return running.run(
        serverstoy.setup(tmp_path, how), start, clients=4, interval=0.05, seconds=seconds,
        env=dict(os.environ), log=tmp_path / "log",
    )  # fmt: skip


def left(tmp_path: Path) -> list[str]:
    """Processes of the toy server."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_text()
        except OSError:
            continue
        if str(tmp_path / "server.py") in text:
            found.append(text)
    return found


def test_a_run_measures_and_leaves_nothing(tmp_path: Path) -> None:
    found = go(tmp_path, "well")
    assert left(tmp_path) == []
    assert len(found["load"]["answers"]) == 60
    phases = [sample["phase"] for sample in found["samples"]]
    assert phases[0] == "ready"
    assert phases[-1] == "end"
    assert "load" in phases
    roles = [process["role"] for process in found["samples"][-1]["processes"]]
    assert roles == ["parent", "worker", "worker"]
    pids = {str(process["pid"]) for process in found["samples"][-1]["processes"][1:]}
    assert {answer[2] for answer in found["load"]["answers"]} <= pids
    figures = servers_stats.figures(found)
    assert 0 < figures.p50 <= figures.p99
    assert 0 < figures.first < 20
    assert figures.pss > 2**20


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ("errs", r"requests failed:\nGET /search/\?q=.*: status 500"),
        ("dies", "the server ended with 1"),
        ("slow", "no end of the load|requests failed"),
    ],
)
def test_a_failure_is_seen_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, what: str
) -> None:
    with pytest.raises(RunFailedError, match=what):
        go(tmp_path, how, seconds=1 if how == "slow" else 20)
    assert left(tmp_path) == []


def test_missing_workers_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "START", 2.0)
    with pytest.raises(RunFailedError, match="1 of 2 workers"):
        go(tmp_path, "few")
    assert left(tmp_path) == []


def test_who_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "STOP", 0.5)
    go(tmp_path, "stubborn")
    assert left(tmp_path) == []


def test_a_killed_driver_leaves_a_server_that_ends(tmp_path: Path) -> None:
    setup = serverstoy.setup(tmp_path)
    code = f"""
import os, sys, time
from pathlib import Path
from cpatch.servers import running
with running.started([sys.executable, {str(tmp_path / "server.py")!r},
        str(running.free_port()), "2", "well"], cwd=Path({str(tmp_path)!r}), env=os.environ,
        log=Path({str(tmp_path / "log")!r}), seconds=2, stop="SIGTERM"):
    print("up", flush=True)
    time.sleep(60)
"""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    driver = subprocess.Popen(
        [sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True
    )
    assert driver.stdout
    assert driver.stdout.readline() == "up\n"
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    deadline = time.monotonic() + 15
    while left(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left(tmp_path) == []
    assert setup.stop == "SIGTERM"


# --- setups


def test_command_lines(tmp_path: Path) -> None:
    start = Start(
        python=tmp_path / "bin/python", home=tmp_path, scratch=tmp_path / "s",
        lines=tmp_path / "s/served.py", port=4711, workers=8, requests=5, entries=6, seed=7,
        output=tmp_path / "out",
    )  # fmt: skip
    for setup in SETUPS.values():
        words = [str(word) for word in setup.serve(start)]
        assert words[0].startswith(str(tmp_path / "bin"))
        assert "8" in words
        assert any("4711" in word for word in words) == (setup.load is None)
    assert "--preload" in SETUPS["django"].serve(start)
    load = running.load_command(start, 16, 60)
    assert [str(word) for word in load[3:]] == [
        "4711",
        "5",
        "16",
        "6",
        "7",
        "60",
        f"{start.output}",
    ]


def test_every_setup_has_its_files() -> None:
    project = Project.find()
    for setup in SETUPS.values():
        home = project.root / "tools" / "servers" / setup.home
        text = (home / setup.requirements).read_text()
        rows = [row for row in text.splitlines() if row and not row.startswith("#")]
        assert all(row.count("==") == 1 for row in rows), "exact pins"
        assert setups.digest(project, setup)


def test_an_unknown_setup_is_named() -> None:
    with pytest.raises(CpatchError, match="no such setup: apache") as caught:
        setups.get("apache")
    assert "django" in (caught.value.wanted or "")


def test_packages_must_be_the_same(tmp_path: Path) -> None:
    venvs = {
        name: environments.Venv(tmp_path / name / "bin/python", [f"a=={number}"])
        for number, name in enumerate(("stock", "patched"))
    }
    with pytest.raises(CpatchError, match="different packages"):
        environments.check_same(venvs)


# --- figures and report


def test_quantiles() -> None:
    values = [float(number) for number in range(1, 101)]
    assert servers_stats.quantile(values, 0.5) == 50
    assert servers_stats.quantile(values, 0.99) == 99
    assert servers_stats.quantile([3.0], 0.99) == 3


def record(**changes: object) -> dict:
    return {**benchtoy.record(), "packages": {"django": ["Django==1"]}, "sessions": [
        {"command": "cpatch servers", "begun": "a", "ended": "b", "cpus": [0], "load": [0.0]}
    ], **changes}  # fmt: skip


def test_figures_of_rounds(tmp_path: Path) -> None:
    found = servers_stats.cells(serverstoy.results(tmp_path, record()).runs())
    cells = found[Case("django", 2, 200, 1000, 0)]
    assert list(cells) == list(MODES)
    assert cells["stock"].middle("pss") == pytest.approx(3 * 40.1 * 2**20, rel=1e-6)
    assert cells["immortal"].against(cells["freeze"], "pss") == pytest.approx(12.1 / 30.1, rel=1e-4)
    assert cells["immortal"].apart(cells["freeze"], "pss")
    assert not cells["immortal"].apart(cells["freeze"], "p99")
    assert cells["stock"].middle("busiest") == 1


def test_all_cases_together(tmp_path: Path) -> None:
    every = servers_stats.cells(serverstoy.results(tmp_path, record()).runs())
    found = servers_stats.together(every, "immortal", "freeze", "pss")
    assert found is not None
    logs = [math.log(ratio) for cells in every.values()
            for ratio in cells["immortal"].ratios(cells["freeze"], "pss")]  # fmt: skip
    assert found.log == pytest.approx(statistics.fmean(logs), abs=0.01)
    assert found.low <= found.log <= found.high
    assert servers_stats.together({}, "immortal", "freeze", "pss") is None
    case, cells = next(iter(every.items()))
    alone = {case: {"stock": cells["stock"]}}
    assert servers_stats.together(alone, "stock", "freeze", "rate") is None


def test_report_has_tables_and_plots(tmp_path: Path) -> None:
    results = serverstoy.results(tmp_path, record())
    markdown, page = (path.read_text() for path in report.write_reports(results))
    assert "| 8 | patched + `gc.immortalize_heap()` | −69.8 % | −59.8 % | 108.9 |" in markdown
    assert page.count("data:image/svg+xml;base64,") == 2
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "patched + <code>gc.immortalize_heap()</code>" in page


def test_report_says_what_is_missing(tmp_path: Path) -> None:
    made = record(flavor="given", sessions=[
        {"command": "c", "begun": "a", "ended": None, "cpus": [0], "load": [3.0],
         "failed": ["django, stock: no answer"]}
    ])  # fmt: skip
    results = serverstoy.results(tmp_path, made, rounds=2)
    notes = " ".join(report.content(results, plots=False)["notes"])
    for part in ("built elsewhere", "Fewer than three rounds of 2 of 2", "busy", "1 runs failed"):
        assert part in notes


def test_packed_results_are_the_same_report(tmp_path: Path) -> None:
    results = serverstoy.results(tmp_path / "a", record())
    project = Project(root=tmp_path / "root", build=tmp_path / "root/build")
    results.pack(project, tmp_path / "b")
    first = report.write_reports(results)[0].read_text()
    assert report.write_reports(Results(tmp_path / "b"))[0].read_text() == first
    again = tmp_path / "c"
    results.pack(project, again)
    for path in sorted((tmp_path / "b/runs").rglob("*.gz")):
        assert path.read_bytes() == (again / path.relative_to(tmp_path / "b")).read_bytes()
    with pytest.raises(CpatchError, match="is there already"):
        results.pack(project, again)


def test_what_is_measured_is_not_measured_again(tmp_path: Path) -> None:
    results = serverstoy.results(tmp_path, record())
    case = Case("django", 2, 200, 1000, 0)
    assert results.has(case, "stock", 0, "d")
    assert not results.has(case, "stock", 0, "another application")
    assert not results.has(case, "stock", 3, "d")


def test_modes_take_turns(tmp_path: Path) -> None:
    options = session.Options(
        cases=(Case("django", 2, 200, 1000, 0),), modes=tuple(MODES), rounds=len(MODES),
        fresh=False, output=None, machine=None, timeout=1,
    )  # fmt: skip

    class Ready:
        digest = "d"

    rows = list(session.waiting(Results(tmp_path), {"django": Ready()}, options))  # type: ignore[dict-item]
    assert len(rows) == len(MODES) ** 2
    for position in range(len(MODES)):
        assert {mode for _, at, _, mode in rows if at == position} == set(MODES)


def test_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["servers", "--list"]) == 0
    said = capsys.readouterr().out
    for name in (*SETUPS, *MODES):
        assert name in said
    assert cli.run(["servers", "--mode", "frozen"]) == 2
    assert cli.run(["servers", "--app", "apache"]) == 2
    assert cli.run(["servers", "--workers", "two"]) == 2
    assert cli.run(["servers", "--stock-python", sys.executable]) == 2
