"""audit: which pages a forked worker of the user's application writes, what is there, and who."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import cowaudit.audit
from cowaudit.errors import AuditError
from cowaudit.session import tail

from cpatch import audit_view, bench_store, build, console, proc, which
from cpatch.errors import USAGE, CpatchError
from cpatch.options import open_pin, pin_option, verbose_option
from cpatch.pin import Pin
from cpatch.project import TREES, Project

EXAMPLE = Path(cowaudit.audit.__file__).with_name("example.py")
MODES = ("none", "freeze", "immortalize")
# What gc.immortalize_heap() does besides marking; each has a keyword to leave it out.
PARTS = ("fill", "quiet", "seal", "trim")

_ASK = "import gc, sys; print(hasattr(gc, 'immortalize_heap'), *sys.version_info[:2])"


@click.command("audit")
@pin_option
@click.argument(
    "application", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option("--example", is_flag=True, help=f"Audit {EXAMPLE.name}, which comes with this.")
@click.option(
    "--python",
    "pythons",
    multiple=True,
    metavar="EXE",
    help="Audit under this interpreter; again for another (default: the two built here).",
)
@click.option(
    "--mode",
    "modes",
    multiple=True,
    callback=lambda _context, _option, modes: tuple(map(_known, modes)),
    metavar="|".join(MODES),
    help="What the parent does before it forks; again for another (default: immortalize where "
    "there is such a thing, freeze elsewhere). immortalize-seal-trim: all but these parts of it.",
)
@click.option("--workers", type=click.IntRange(min=1), default=4, show_default=True)
@click.option(
    "--rounds",
    default="1,10",
    show_default=True,
    metavar="N,M",
    help="Look after so many calls of exercise().",
)
@click.option("--trace/--no-trace", default=True, help="Whether to find out who writes.")
@click.option(
    "--timeout", type=float, default=600, show_default=True, help="Seconds a worker may take."
)
@click.option("--top", type=click.IntRange(min=1), default=15, show_default=True, help="Rows.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory for the report (default: build/audit/NAME).",
)
@verbose_option
def command(
    pin_name: str | None,
    application: Path | None,
    example: bool,
    pythons: tuple[str, ...],
    modes: tuple[str, ...],
    workers: int,
    rounds: str,
    trace: bool,
    timeout: float,
    top: int,
    out: Path | None,
) -> None:
    """Show which memory of a pre-fork application stops being shared, and why.

    APPLICATION is a Python file: what it does when it is imported happens before the fork, and
    its function exercise() in each worker. docs/audit.md says more.
    """
    if (application is None) != example:
        raise CpatchError(
            "what to audit?" if application is None else "--example is an application already",
            fix='make audit ARGS="app.py", or make audit ARGS=--example',
            code=USAGE,
        )
    path = EXAMPLE if application is None else application.absolute()
    looks = parse_rounds(rounds)
    project, pin = open_pin(pin_name)
    sides = [
        (python, mode)
        for python in pythons or built(project, pin)
        for mode in chosen(python, modes)
    ]
    target = out.absolute() if out else project.build / "audit" / path.stem
    target = prepare(project, target)
    results = []
    for number, (python, mode) in enumerate(sides, 1):
        request = cowaudit.audit.Request(
            python=python,
            application=path,
            mode=mode,
            workers=workers,
            rounds=looks,
            trace=trace,
            timeout=timeout,
            log=target / f"application-{number}.log",
        )
        results.append(one(request))
    write(project, target, results, top)


def parse_rounds(text: str) -> list[int]:
    """Return after how many rounds to look, rising."""
    try:
        found = sorted({int(word) for word in text.split(",")})
        if found[0] < 1:
            raise ValueError
    except ValueError:
        raise CpatchError(
            "--rounds takes numbers of calls", wanted="1,10", got=text, code=USAGE
        ) from None
    return found


def built(project: Project, pin: Pin) -> list[str]:
    """Return the driver's own interpreters, stock first; CpatchError when one is not built."""
    found = []
    for tree in TREES:
        made = build.finished(project.obj(pin, tree, "release"))
        if made is None:
            raise CpatchError(
                f"{tree} release of {pin.branch} is not built",
                fix=f"make build TREE={tree}, or --python EXE to audit another",
            )
        why = which.stale(project, pin, tree, made)
        if why:
            console.warn(f"{tree} is out of date: {why}")
        found.append(made.python)
    return found


def _known(mode: str) -> str:
    name, *without = mode.split("-")
    if name not in MODES or not set(without) <= set(PARTS if name == "immortalize" else ()):
        raise CpatchError(
            f"no such mode: {mode}",
            wanted=", ".join(MODES) + f", or immortalize without -{', -'.join(PARTS)}",
            got=mode,
            fix="--mode immortalize-seal",
            code=USAGE,
        )
    return mode


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
        console.warn(f"{python} has no gc.immortalize_heap(); not audited in that mode")
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
    context = audit_view.content(results, top=top)
    bench_store.write(target / "audit.json", json.dumps(results, separators=(",", ":")) + "\n")
    for template in ("audit.md.j2", "audit.html.j2"):
        name = template.removesuffix(".j2")
        bench_store.write(target / name, audit_view.render(context, template))
    for line in audit_view.terminal(context):
        console.say(line)
    console.field("wrote", project.show(target / "audit.html") + ", audit.md, audit.json")
