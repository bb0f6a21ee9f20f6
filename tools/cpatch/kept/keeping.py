"""Runs that are kept in the repository: one folder each, of few and small files.

::

    results/DATE-FLAVOR-TREE-WHAT/
        run.json        what was compared, where, when, by which commands
        report.md       what `make report` or `make servers` made of it; no HTML, no plots
        raw.tar.xz      the raw files and run.json, as a directory that both verbs read

TREE is the beginning of the patched tree's id, or of the first tree of some parts.
"""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

from cpatch.base import files
from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.pinfile import load_pins
from cpatch.base.project import Project
from cpatch.compat import record as packages
from cpatch.compat.session import kept_rows
from cpatch.dist import record as record_of
from cpatch.headers import page, session
from cpatch.measuring import archive, interpreters, packing, resultdir
from cpatch.report import content, rows
from cpatch.servers import answers, cases, report

#: Of a time so many digits are kept: a thousandth of what two turns differ by, and half the room.
DIGITS = 7


def name_of(record: dict[str, Any], what: str) -> str:
    """Return the name of a run's folder: when it began, the builds' flavor, the tree."""
    first = record["sides"][rows.first_of(record)]
    begun = str(record["sessions"][0]["begun"])[:10]
    return f"{begun}-{interpreters.flavor_of(first['flags'])}-{first['tree_id'][:12]}-{what}"


def keep(project: Project, source: Path, what: str | None = None) -> Path:
    """Copy what bench, servers, headers-all, dist or compat left to a folder of results/.

    Returns that folder.

    Without *what*, its name ends with the verb's usual one. CpatchError when there is such a
    folder already, or when *source* is no fair comparison.
    """
    if (source / session.NAME).exists():
        return _headers(project, source, what)
    if packages.is_place(source):
        return _compat(project, source, what)
    if tarballs := record_of.read(source):
        return _dist(project, tarballs, what or "dist")
    source = archive.opened(project, source)
    record = json.loads(_record(source))
    servers = "servers" in record
    if not servers:
        rows.load(source)
    what = what or ("servers" if servers else "default")
    target = _new(project, name_of(record, what))
    packed = project.make_dir(project.build / "kept") / f"{target.name}.packing"
    shutil.rmtree(packed, ignore_errors=True)
    try:
        if servers:
            _fold(project, source, packed)
        else:
            packing.pack(project, source, packed)
        _plain(packed)
        target.mkdir(parents=True)
        archive.write(packed, target / archive.NAME)
        files.write(target / "run.json", _record(packed))
        files.write(target / "report.md", _report(project, target, servers=servers))
    finally:
        shutil.rmtree(packed, ignore_errors=True)
    return target


def _new(project: Project, name: str) -> Path:
    target = project.kept_results / name
    if target.exists():
        raise CpatchError(
            f"{project.show(target)} is there already",
            fix=f"rm -r {project.show(target)}, or another --what",
            code=USAGE,
        )
    return target


def _headers(project: Project, source: Path, what: str | None) -> Path:
    """Copy what the leg headers-all left; the report is made of it."""
    record = session.read(source)
    patched = record["sides"]["patched"]
    name = f"{record['begun']}-{interpreters.flavor_of(patched['flags'])}-{patched['tree_id'][:12]}"
    target = _new(project, f"{name}-{what or 'headers-' + record['pin']}")
    session.write(record, target)
    files.write(target / "report.md", page.report(record))
    return target


def _compat(project: Project, source: Path, what: str | None) -> Path:
    """Keep the runs of a pin's packages, which lie in build/PIN/compat."""
    pin = load_pins(project).get(source.resolve().parent.name)
    rows = kept_rows(project, pin)
    record = packages.gather(source, pin.branch, rows)
    name = f"{record['begun']}-{record['flavor']}-{record['tree_id'][:12]}"
    target = _new(project, f"{name}-{what or 'compat-' + pin.branch}")
    packages.write(target, record, rows)
    return target


def _dist(project: Project, tarballs: list[dict[str, Any]], what: str) -> Path:
    """Keep what make dist saw of the tarballs of a directory; the first one names the run."""
    first = tarballs[0]
    name = f"{first['begun']}-{first['flavor']}-{first['tree_id'][:12]}-{what}"
    target = _new(project, name)
    files.write(target / record_of.NAME, json.dumps(tarballs, indent=1) + "\n")
    files.write(target / "report.md", record_of.report(tarballs))
    return target


def _report(project: Project, root: Path, *, servers: bool) -> str:
    """Return what make report or make servers writes as Markdown about a kept run."""
    opened = archive.opened(project, root)
    if servers:
        found = report.content(cases.Results(opened), plots=False)
        return report.render(found, "servers.md.j2")
    return content.render(content.content([rows.load(opened)], plots=False), "report.md.j2")


def _record(root: Path) -> str:
    try:
        return (root / "run.json").read_text(encoding="utf-8")
    except OSError as error:
        raise CpatchError(
            f"{root} holds no run: {error.strerror}",
            wanted="build/results/NAME of bench or servers, build/dist of dist, "
            "build/PIN/compat of compat, or build/PIN/headers/run of the leg headers-all",
            fix="make results ARGS='--keep DIRECTORY'",
            code=USAGE,
        ) from None


def _fold(project: Project, source: Path, target: Path) -> None:
    """Copy results of servers with their answers folded."""
    results, folded = cases.Results(source), cases.Results(target)
    text = packing.relative(project, json.dumps(results.record()))
    folded.write_record({k: v for k, v in json.loads(text).items() if k != "servers"})
    for run in results.runs():
        case = cases.Case(**run["case"])
        text = json.dumps(answers.fold(run), separators=(",", ":"))
        files.write(folded.file(case, run["mode"], run["round"]), text)


def _plain(root: Path) -> None:
    """Unpack single files, and round what they hold.

    The archive is smaller when it sees what they have in common.
    """
    for path in sorted(root.rglob(f"*{resultdir.PACKED}")):
        found = json.loads(gzip.decompress(path.read_bytes()), parse_float=_rounded)
        files.write(path.with_suffix(""), json.dumps(found, separators=(",", ":")))
        path.unlink()


def _rounded(text: str) -> float:
    return float(f"{float(text):.{DIGITS}g}")
