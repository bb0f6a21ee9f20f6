"""What a run of a server needs: environments, a copy of the application, a database, the lines."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cpatch.base import proc
from cpatch.base.project import Project
from cpatch.measuring import environments
from cpatch.measuring.environments import Venv
from cpatch.measuring.interpreters import Side
from cpatch.servers import running, setups
from cpatch.servers.cases import Case, Results
from cpatch.servers.setups import MODES, Setup, Start

#: Clients that ask at the same time, for each worker.
CLIENTS = 2

#: Seconds between two samples of memory.
INTERVAL = 1.0


@dataclass(frozen=True)
class Ready:
    """A setup with all that its runs need."""

    setup: Setup
    app: Path
    data: dict[int, Path]  # entries -> the database
    venvs: dict[str, Venv]
    lines: dict[str, str]
    digest: str

    def run(
        self, case: Case, mode: str, number: int, results: Results, seconds: float
    ) -> dict[str, Any]:
        """Do one run in a directory of its own, which is empty but for the database."""
        scratch = results.root / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        database = scratch / "db.sqlite3"
        shutil.copyfile(self.data[case.entries], database)
        added = scratch / self.setup.lines
        added.write_text(self.setup.before + self.lines[mode], encoding="utf-8")
        start = Start(
            python=self.venvs[MODES[mode].venv].python,
            home=self.app,
            scratch=scratch,
            lines=added,
            port=running.free_port(),
            workers=case.workers,
            requests=case.requests,
            entries=case.entries,
            seed=number + 1,
            output=scratch / "load.json",
        )
        return running.run(
            self.setup,
            start,
            clients=CLIENTS * case.workers,
            interval=INTERVAL,
            seconds=seconds,
            env=environment(start, case, database),
            log=results.root / "log" / case.setup / case.name / f"{mode}.{number}.log",
        )


def environment(start: Start, case: Case, database: Path) -> dict[str, str]:
    """Return the whole environment of a server: the same in all modes."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
    found = {
        **kept,
        "LC_ALL": "C.UTF-8",
        "PYTHONHASHSEED": str(start.seed),
        "PYTHONDONTWRITEBYTECODE": "1",
        "SHOP_DB": str(database),
        "SHOP_LINES": str(start.lines),
        # Where Celery's queue is, and whence it loads the module with the lines.
        "SHOP_QUEUE": str(start.scratch / "queue"),
        "PYTHONPATH": str(start.scratch),
    }
    return {**found, "SHOP_WARM": str(case.warm)} if case.warm else found


def prepare(
    project: Project,
    name: str,
    sides: Mapping[str, Side],
    work: Path,
    sizes: Iterable[int],
    wheel: Path | None,
) -> Ready:
    """Install a setup for both interpreters, copy its application, make its databases.

    With *wheel* there is one more environment of stock, with that.
    """
    setup = setups.get(name)
    digest = setups.digest(project, setup)
    log = work / f"prepare-{name}.log"
    log.unlink(missing_ok=True)
    source = project.root / "tools" / "servers" / setup.home
    venvs = {
        side.name: environments.ensure(
            side, source / setup.requirements, work, log, compiled=setup.compiled
        )
        for side in sides.values()
    }
    if wheel:
        venvs[setups.WHEEL] = environments.ensure(
            sides["stock"],
            source / setup.requirements,
            work,
            log,
            compiled=setup.compiled,
            wheel=wheel,
        )
    environments.check_same(venvs)
    app = work / "app" / f"{setup.home}-{digest}"
    python = venvs["stock"].python
    if not app.exists():
        fresh = app.with_name(app.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(source, fresh, ignore=shutil.ignore_patterns("__pycache__"))
        # Of both, so that no start has anything to compile.
        for venv in venvs.values():
            argv: list[str | Path] = [venv.python, "-m", "compileall", "-q"]
            proc.run([*argv, "-s", fresh, "-p", app, fresh], cwd=work, log=log)
        fresh.rename(app)
    data = {}
    for entries in sorted(set(sizes)):
        path = data[entries] = work / "data" / f"{app.name}-{entries}.sqlite3"
        if not path.exists():
            fresh = path.with_name(path.name + ".new")
            with contextlib.suppress(FileNotFoundError):
                fresh.unlink()
            path.parent.mkdir(parents=True, exist_ok=True)
            title = f"database of {name} with {entries} entries"
            make: list[str | Path] = [python, "-m", setup.prepare, str(entries)]
            proc.step(title, make, cwd=app, env={"SHOP_DB": str(fresh)}, log=log)
            fresh.rename(path)
    lines = {mode.name: setups.lines(project, setup, mode) for mode in MODES.values()}
    return Ready(setup, app, data, venvs, lines, digest)
