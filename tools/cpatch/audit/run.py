"""One audit of an application: in which interpreters and modes, and what is written of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cowaudit.audit
from cowaudit.errors import AuditError
from cowaudit.session import tail

from cpatch.audit import view
from cpatch.base import console, files, proc
from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.pin import Pin
from cpatch.base.project import TREES, Project
from cpatch.building import freshness, records

EXAMPLE = Path(cowaudit.audit.__file__).with_name("example.py")
MODES = ("none", "freeze", "immortalize")
# What gc.immortalize_heap() does besides marking; each has a keyword to leave it out.
PARTS = ("fill", "quiet", "seal", "trim")

#: Both the patched interpreter and one that has the wheel are able to.
_ASK = """\
import gc, importlib.util, sys
able = hasattr(gc, "immortalize_heap") or importlib.util.find_spec("immortal_heap") is not None
print(able, *sys.version_info[:2])
"""


@dataclass(frozen=True)
class Job:
    """What to audit and how; ``out`` is where the report goes, None for below ``build/audit``.

    Without ``pythons`` the two interpreters built here are audited, without ``modes`` each in its
    best. ``rounds`` says after how many calls of exercise() to look, rising; ``timeout`` is how
    many seconds a worker may take, ``top`` how many rows the tables have.
    """

    application: Path
    pythons: tuple[str, ...]
    modes: tuple[str, ...]
    workers: int
    rounds: list[int]
    trace: bool
    timeout: float
    top: int
    out: Path | None


def audit(project: Project, pin: Pin, job: Job) -> None:
    """Audit each interpreter in each of its modes, and report on all of them together."""
    sides = [
        (python, mode)
        for python in job.pythons or built(project, pin)
        for mode in chosen(python, job.modes)
    ]
    target = prepare(project, job.out or project.build / "audit" / job.application.stem)
    results = []
    for number, (python, mode) in enumerate(sides, 1):
        request = cowaudit.audit.Request(
            python=python,
            application=job.application,
            mode=mode,
            workers=job.workers,
            rounds=job.rounds,
            trace=job.trace,
            timeout=job.timeout,
            log=target / f"application-{number}.log",
        )
        results.append(one(request))
    write(project, target, results, job.top)


def parse_rounds(text: str) -> list[int]:
    """Return after how many rounds to look, rising."""
    try:
        found = sorted({int(word) for word in text.split(",")})
        if found[0] < 1:
            raise ValueError
    except ValueError:
        raise CpatchError(
            "--rounds takes numbers of calls",
            wanted="whole numbers above 0",
            got=text,
            fix="--rounds 1,10",
            code=USAGE,
        ) from None
    return found


def built(project: Project, pin: Pin) -> list[str]:
    """Return the driver's own interpreters, stock first; CpatchError when one is not built."""
    found = []
    for tree in TREES:
        made = records.finished(project.obj(pin, tree, "release"))
        if made is None:
            raise CpatchError(
                f"{tree} release of {pin.branch} is not built",
                fix=f"make build TREE={tree}, or --python EXE to audit another",
            )
        why = freshness.stale(project, pin, tree, made)
        if why:
            console.warn(f"{tree} is out of date: {why}")
        found.append(made.python)
    return found


def chosen(python: str, modes: Sequence[str]) -> list[str]:
    """Return the modes that one interpreter is audited in."""
    done = proc.run([python, "-c", _ASK], cwd=Path.cwd(), check=False)
    answer = done.stdout.split()
    if not done.ok or len(answer) != 3:
        raise CpatchError(
            f"{python} is no CPython that runs",
            got=(done.stderr or done.stdout).strip()[-500:] or f"exit code {done.returncode}",
            fix="--python EXE with a CPython",
            code=USAGE,
        )
    able = answer[0] == "True"
    if not modes:
        return ["immortalize" if able else "freeze"]
    found = [mode for mode in modes if able or not mode.startswith("immortalize")]
    if len(found) < len(modes):
        console.warn(f"{python} has no immortalize_heap(); not audited in that mode")
    return found


def prepare(project: Project, target: Path) -> Path:
    """Return the report's directory, made, without what an earlier run left in it."""
    if target.is_relative_to(project.build):
        project.make_dir(target)
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name in ("audit.json", "audit.md", "audit.html"):
            (target / name).unlink(missing_ok=True)
    except OSError as exc:
        raise CpatchError(
            f"cannot write to {target}: {exc.strerror}", fix="--out with another directory"
        ) from exc
    return target


def one(request: cowaudit.audit.Request) -> dict[str, Any]:
    """Audit one interpreter in one mode."""
    try:
        with console.progress(f"{request.application.name}, {request.python}, {request.mode}"):
            result = cowaudit.audit.run(request)
    except AuditError as exc:
        raise CpatchError(exc.what, wanted=exc.wanted, got=exc.got, fix=exc.fix) from exc
    printed = tail(request.log, 5)
    if printed:
        console.detail(printed)
    if result["trace"]["why"] and request.trace:
        console.warn(f"pages only, not who wrote them: {result['trace']['why']}")
    return result


def write(project: Project, target: Path, results: list[dict[str, Any]], top: int) -> None:
    """Write the raw data, the report as Markdown and as a page; print what matters."""
    if not results:
        raise CpatchError("nothing was audited", fix="another --mode", code=USAGE)
    context = view.content(results, top=top)
    files.write(target / "audit.json", json.dumps(results, separators=(",", ":")) + "\n")
    for template in ("audit.md.j2", "audit.html.j2"):
        name = template.removesuffix(".j2")
        files.write(target / name, view.render(context, template))
    for line in view.terminal(context):
        console.say(line)
    console.field("wrote", project.show(target / "audit.html") + ", audit.md, audit.json")
