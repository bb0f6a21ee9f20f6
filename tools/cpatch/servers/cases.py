"""A directory of what servers cost: raw files, one for each run, which are the only state.

::

    run.json                            what was compared, where, when, by which commands
    runs/SETUP/CASE/MODE.ROUND.json     all samples of memory and all latencies of one run
    log/                                what the servers said

A raw file is written whole and then renamed, so one that is there is complete. It carries the
digest of the application and of the lines on the server's page; when these change, it is measured
again.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cpatch.base import files
from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.project import Project
from cpatch.measuring import packing, resultdir
from cpatch.servers import answers

FORMAT = 1
PACKED = ".gz"


@dataclass(frozen=True, order=True)
class Case:
    """What is the same for the modes compared."""

    setup: str
    workers: int
    requests: int
    entries: int
    warm: int

    @property
    def name(self) -> str:
        """As a directory is named."""
        tail = f"-warm{self.warm}" if self.warm else ""
        return f"{self.workers:02d}w-{self.requests}r-{self.entries}e{tail}"


@dataclass(frozen=True)
class Results:
    """One directory of results."""

    root: Path

    @property
    def record_file(self) -> Path:
        """What was compared, where and when."""
        return self.root / "run.json"

    def record(self) -> dict[str, Any]:
        """Return run.json; CpatchError when it is not there, or not one of ours."""
        try:
            found: dict[str, Any] = json.loads(self.record_file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CpatchError(
                f"{self.root} holds no results of servers: {error}", fix="make servers"
            ) from None
        if not isinstance(found, dict) or found.get("servers") != FORMAT:
            raise CpatchError(
                f"{self.record_file} is not of this verb, or of another version of the driver",
                wanted=f"servers {FORMAT}",
                got=str(found.get("servers")) if isinstance(found, dict) else type(found).__name__,
                fix="make servers ARGS=--fresh",
            )
        return found

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Replace run.json."""
        self.root.mkdir(parents=True, exist_ok=True)
        files.write(self.record_file, json.dumps({"servers": FORMAT, **record}, indent=1) + "\n")

    def file(self, case: Case, mode: str, number: int) -> Path:
        """Return where a run is kept."""
        return self.root / "runs" / case.setup / case.name / f"{mode}.{number}.json"

    def has(self, case: Case, mode: str, number: int, digest: str) -> bool:
        """Say whether a run is there, and of the same application and lines."""
        path = self.file(case, mode, number)
        try:
            return bool(_load(path)["digest"] == digest)
        except (OSError, ValueError, KeyError):
            return False

    def add(
        self, case: Case, mode: str, number: int, digest: str, found: Mapping[str, Any]
    ) -> None:
        """Keep a run."""
        about = {"case": asdict(case), "mode": mode, "round": number, "digest": digest}
        text = json.dumps({**about, "when": resultdir.now(), **found}, separators=(",", ":"))
        files.write(self.file(case, mode, number), text)

    def runs(self) -> Iterator[dict[str, Any]]:
        """Return all runs, by setup, case, mode and round."""
        for path in sorted((self.root / "runs").glob("*/*/*.json*")):
            if path.suffix == PACKED and path.with_suffix("").exists():
                continue
            try:
                yield _load(path)
            except (OSError, ValueError) as error:
                raise CpatchError(
                    f"{path} cannot be read: {error}", fix=f"rm {path}; make servers"
                ) from None

    def pack(self, project: Project, target: Path) -> None:
        """Copy run.json and the raw files, compressed, to *target*; the same bytes each time.

        Paths below the repository and the user's home become relative to them.
        """
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise CpatchError(
                f"{project.show(target)} is there already",
                fix=f"rm -r {project.show(target)}, or another name",
                code=USAGE,
            )
        record = json.loads(packing.relative(project, json.dumps(self.record())))
        packed = Results(target)
        packed.write_record({key: text for key, text in record.items() if key != "servers"})
        for run in self.runs():
            path = packed.file(Case(**run["case"]), run["mode"], run["round"])
            path = path.with_name(path.name + PACKED)
            path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(run, separators=(",", ":"))
            path.write_bytes(gzip.compress(text.encode(), mtime=0))


def _load(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    found: dict[str, Any] = json.loads(gzip.decompress(data) if path.suffix == PACKED else data)
    return answers.unfold(found)
