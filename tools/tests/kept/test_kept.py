"""Runs that are kept: as one archive each, with an index and a picture that can go stale."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from pathlib import Path

import benchtoy
import pytest
import serverstoy
from cpatch import cli
from cpatch.base.errors import CpatchError
from cpatch.base.project import Project
from cpatch.headers import session
from cpatch.kept import entries, index, picture, upkeep
from cpatch.kept.keeping import keep
from cpatch.measuring import archive
from cpatch.report import rows
from cpatch.servers import answers, cases
from cpatch.servers.report import write_reports

ROOT = Path(__file__).parents[3]
NAME = "2026-01-01-pgo-bbbbbbbbbbbb"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository whose build directory has a run of bench and one of servers."""
    root = tmp_path / "repository"
    (root / "patches").mkdir(parents=True)
    shutil.copy(ROOT / "patches" / "upstream.toml", root / "patches")
    monkeypatch.setenv("CPATCH_ROOT", str(root))
    monkeypatch.setenv("CPATCH_BUILD", str(root / "build"))
    monkeypatch.chdir(root)
    home = root / "build" / "results"
    made = benchtoy.make(home / "one", {"nbody": 1.2, "chaos": 0.9})
    made.write_record({**made.record(), "measured": made.measured()})
    record = {key: benchtoy.record()[key] for key in ("pin", "flavor", "sides", "machine", "name")}
    sessions = [{**benchtoy.record()["sessions"][0], "cpus": [0], "failed": []}]
    serverstoy.results(home / "two", {**record, "sessions": sessions, "packages": {}})
    return Project(root, root / "build")


def keep_all(project: Project) -> None:
    """Keep both runs, and one of test.finalization_ways."""
    ways = project.kept_results / f"{NAME}-ways"
    ways.mkdir(parents=True)
    sides = {"stock": ["whole", "torn", "lost"], "patched": ["whole", "whole", "whole"]}
    runs = [
        {"mode": "default", "side": side, "ways": [{"verdict": each} for each in verdicts]}
        for side, verdicts in sides.items()
    ]
    raw = {"trees": {"stock": "a" * 12, "patched": "b" * 12}, "runs": runs}
    (ways / "ways.json.gz").write_bytes(gzip.compress(json.dumps(raw).encode()))
    home = project.build / "results"
    keep(project, home / "two")
    assert cli.run(["results", "--keep", str(home / "one")]) == 0


def test_a_kept_run_is_three_small_files(repository):
    target = keep(repository, repository.build / "results" / "one")
    assert target == repository.kept_results / f"{NAME}-default"
    names = {path.name for path in target.iterdir()}
    assert names == {"run.json", "raw.tar.xz", "report.md"}
    assert "| nbody |" in (target / "report.md").read_text()


def test_a_kept_run_gives_the_same_figures(repository):
    source = repository.build / "results" / "one"
    opened = archive.opened(repository, keep(repository, source))
    assert opened.is_relative_to(repository.build)
    old, new = rows.load(source), rows.load(opened)
    assert [row.name for row in old.times] == [row.name for row in new.times]
    for one, two in zip(old.times, new.times, strict=True):
        assert two.main.logs == pytest.approx(one.main.logs, abs=1e-6)


def test_report_reads_a_kept_run_and_writes_beside_it(repository):
    target = keep(repository, repository.build / "results" / "one")
    assert cli.run(["report", str(target)]) == 0
    assert (target / "report.md").exists()
    assert cli.run(["servers", "--report", "--output", str(keep_servers(repository))]) == 0


def keep_servers(project: Project) -> Path:
    return keep(project, project.build / "results" / "two")


def test_servers_give_the_same_figures(repository):
    source = cases.Results(repository.build / "results" / "two")
    target = cases.Results(archive.opened(repository, keep_servers(repository)))
    pages = []
    for each in (source, target):
        write_reports(each, repository.build)
        pages.append((repository.build / "report.md").read_text())
    assert pages[0] == pages[1]


def test_folded_answers_take_less_and_say_the_same():
    run = serverstoy.run(cases.Case("django", 2, 200, 1000, 0), 10.0)
    folded = answers.fold(run)
    assert answers.fold(folded) == folded
    assert len(json.dumps(folded["load"])) < len(json.dumps(run["load"])) / 2
    again = answers.unfold(json.loads(json.dumps(folded)))["load"]["answers"]
    latencies = sorted(each[1] for each in run["load"]["answers"])
    assert [each[1] for each in again] == pytest.approx(latencies, abs=0.051)
    assert sorted(each[2] for each in run["load"]["answers"]) == [each[2] for each in again]


def test_a_run_of_several_trees_has_a_row_for_each(repository):
    source = repository.build / "results" / "parts"
    benchtoy.with_parts(
        source, {"nbody": 1.2, "chaos": 1.2}, {"counts-heap": {"nbody": 0.9, "chaos": 0.9}}
    )
    target = keep(repository, source, "default-parts")
    assert target.name == f"{NAME}-default-parts"
    rows = [(row.tree, row.parts, row.mean[:3]) for row in entries.every(repository)]
    assert rows == [("b" * 12, "all", "1.2"), ("d" * 12, "counts, heap", "0.9")]
    first, second = entries.every(repository)
    assert first.verdict.endswith("beyond noise: none")
    assert second.verdict.endswith("beyond noise: chaos, nbody")
    assert second.noise == first.noise
    assert index.text(repository).count(f"({target.name}/report.md)") == 2


def test_nothing_is_kept_twice(repository, capsys):
    keep(repository, repository.build / "results" / "one")
    with pytest.raises(CpatchError, match="is there already"):
        keep(repository, repository.build / "results" / "one")
    assert keep(repository, repository.build / "results" / "one", "again").exists()


def test_what_is_no_run_is_not_kept(repository):
    (repository.build / "empty").mkdir()
    with pytest.raises(CpatchError, match="holds no run") as caught:
        keep(repository, repository.build / "empty")
    wanted = caught.value.wanted or ""
    assert all(word in wanted for word in ("bench", "servers", "dist", "compat", "headers-all"))


def test_a_damaged_archive_is_named(repository):
    target = keep(repository, repository.build / "results" / "one")
    path = target / archive.NAME
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(CpatchError, match=r"raw\.tar\.xz cannot be unpacked"):
        archive.opened(repository, target)
    assert not list((repository.build / "kept").glob("*.new"))


def test_the_index_has_a_row_for_each_run(repository):
    keep_all(repository)
    assert cli.run(["results", "--check"]) == 0
    text = upkeep.index_file(repository).read_text()
    lines = [line for line in text.splitlines() if line.startswith(f"| [{NAME}")]
    assert len(lines) == 3
    (bench,) = [line for line in lines if "-default" in line]
    assert "| bbbbbbbbbbbb | all | 10 | 1.0" in bench
    assert "2 benchmarks; slower by more than 3 % beyond noise: chaos" in bench
    assert upkeep.picture_file(repository).read_text().startswith("<?xml")


def test_an_audit_tells_of_stock_of_the_wheel_and_of_patched(repository):
    """A second interpreter of a kind is there to be compared, and does not count."""
    folder = repository.kept_results / f"{NAME}-audit"
    folder.mkdir(parents=True)
    sides = [
        {
            "release": f"9.8.7 ({tree}:{'b' * 12}, today)", "mode": mode, "wheel": wheel,
            "checkpoints": [{"rounds": 10, "workers": [{"growth": kib * 1024}]}],
        }
        for tree, mode, wheel, kib in (
            ("stock", "freeze", False, 50 * 1024),
            ("stock", "immortalize", True, 200),
            ("stock", "freeze", False, 20 * 1024),
            ("patched", "immortalize", False, 100),
        )
    ]  # fmt: skip
    (folder / "audit.json.gz").write_bytes(gzip.compress(json.dumps(sides).encode()))
    found = entries._audit(repository, folder)
    assert found.mean == "a worker's growth 100 KiB"
    said = "of 50.0 MiB on stock with gc.freeze(), 200 KiB with the wheel; 4 modes"
    assert found.verdict == said


def test_the_picture_is_of_the_default_pin(repository):
    """Runs of another pin have its branch at their end, and so may the default pin's own."""
    keep_all(repository)
    assert entries.newest(repository, "-default", "9.8").name.endswith("-default")
    target = keep(repository, repository.build / "results" / "one", "default-9.8")
    assert entries.newest(repository, "-default", "9.8") == target
    assert entries.newest(repository, "-default", "9.9").name.endswith("-default")


def test_a_stale_index_or_picture_is_told(repository, capsys):
    keep_all(repository)
    drawn = upkeep.picture_file(repository)
    shutil.copytree(
        repository.kept_results / f"{NAME}-default", repository.kept_results / f"{NAME}-more"
    )
    assert cli.run(["results", "--check"]) == 1
    assert "stale: results/README.md\n" in capsys.readouterr().err
    assert cli.run(["results"]) == 0
    drawn.write_text(drawn.read_text().replace('"mean": 1', '"mean": 2'))
    assert cli.run(["results", "--check"]) == 1
    assert "stale: docs/figures.svg\n" in capsys.readouterr().err


def test_a_run_of_headers_is_kept_and_put_on_its_page(repository, capsys):
    keep_all(repository)
    side = {"tree_id": "b" * 40, "flags": {"CONFIG_ARGS": "--enable-optimizations"}}
    row = {"group": "C", "compiler": "gcc", "variant": "C99", "tool": "", "broken": False}
    row |= {"skipped": "", "lines": [], "known": [], "runs": {}}
    record = {"pin": "9.9", "begun": "2026-01-02", "programs": {}, "packages": [], "rows": [row]}
    source = repository.build / "run"
    session.write({**record, "sides": {"stock": side, "patched": side}}, source)
    page = upkeep.headers_file(repository)
    page.write_text("<!-- 9.9: written by make results -->\n<!-- 9.9: end -->\n")
    target = keep(repository, source)
    assert target.name == "2026-01-02-pgo-bbbbbbbbbbbb-headers-9.9"
    assert "| C | C99 | gcc | |" in (target / "report.md").read_text()
    assert "1 of 1 rows" in [row.mean for row in entries.every(repository)]
    assert cli.run(["results", "--check"]) == 1
    assert "docs/headers.md" in capsys.readouterr().err
    assert cli.run(["results"]) == 0
    assert "| C | C99 | gcc | |" in page.read_text()
    assert cli.run(["results", "--check"]) == 0


def test_a_folder_of_no_known_kind_is_told(repository, capsys):
    keep_all(repository)
    (repository.kept_results / "mine").mkdir()
    assert cli.run(["results"]) == 1
    assert "is a run of no kind that is known" in capsys.readouterr().err


class TestOurs:
    """The index, the picture and the figures of this repository."""

    project = Project(ROOT, ROOT / "build")

    def test_index_is_of_the_kept_runs(self):
        assert upkeep.index_file(self.project).read_text() == index.text(self.project)

    def test_picture_is_of_the_kept_runs(self):
        drawn = picture.described(upkeep.picture_file(self.project))
        assert drawn == picture.data(self.project), "make results"

    def test_tables_of_headers_are_of_the_kept_runs(self):
        assert upkeep.headers_file(self.project).read_text() == upkeep.headers_page(self.project)

    def test_every_run_has_a_report_and_is_named_by_its_tree(self):
        for row in entries.every(self.project):
            root = self.project.kept_results / row.name
            assert (root / "report.md").exists()
            named = row.tree in row.name or row.tree == entries.NONE
            assert named or row.parts != entries.ALL

    def test_what_can_be_made_again_is_not_kept(self):
        command = ["git", "ls-files", "results/*.html", "results/*.svg", "results/**/times/*"]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        assert done.stdout == ""

    def test_every_run_is_behind_a_figure(self):
        figures = (ROOT / "docs" / "figures.md").read_text()
        for row in entries.every(self.project):
            assert f"results/{row.name}/report.md" in figures
