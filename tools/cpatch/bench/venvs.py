"""The environments that pyperformance's benchmarks run in, made by pyperformance itself.

Run as a program, in a process of its own because pyperformance prints what it does:

    python -m cpatch.bench.venvs PYTHON ROOT NAME...

makes ``ROOT/common`` for the interpreter PYTHON with what the benchmarks NAME... need, and a
directory of its own beside it for each benchmark whose requirements clash with the others'.
``ROOT/venvs.json`` then says which interpreter runs which benchmark, or why none can.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from pyperformance._venv import RequirementsInstallationFailedError
from pyperformance.run import get_compatibility_id
from pyperformance.venv import Requirements, VenvForBenchmarks

from cpatch.base import proc
from cpatch.base.errors import CpatchError
from cpatch.bench import choice

RECORD = "venvs.json"

#: What pip may be told through the environment; pyperformance hides the rest from it.
_INHERITED = ("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT", "REQUESTS_CA")


def ensure(python: Path, root: Path, benchmarks: list[str], log: Path, cache: Path) -> Venvs:
    """Make what is missing of *root*'s environments and return them; CpatchError with the log.

    *cache* is pip's, shared by the interpreters compared and by nothing else: what pip compiles
    for the first, stock, is installed for the others as well, as a wheel from an index would be.
    """
    wanted = {"compatibility": get_compatibility_id(), "python": str(python)}
    record = _read(root / RECORD)
    here = record.get("benchmarks", {})
    if any(record.get(key) != value for key, value in wanted.items()):
        here = {}
    if not set(benchmarks) <= set(here):
        # Those that are there stay in the list, or pip would not see what must fit together.
        benchmarks = sorted({*benchmarks, *here})
        seen = 0

        def progress(line: str) -> tuple[float, float | None] | None:
            nonlocal seen
            seen += line.startswith(("Collecting", "Installing", "Successfully"))
            return seen, None

        if not (root / RECORD).exists():
            # Half made, by a run that was killed: pyperformance would take it for whole.
            shutil.rmtree(root, ignore_errors=True)
        argv = [sys.executable, "-m", "cpatch.bench.venvs", str(python), str(root), *benchmarks]
        title = f"pyperformance's environment in {root.name}"
        env = {"PIP_CACHE_DIR": str(cache)}
        proc.step(title, argv, cwd=root.parent, env=env, log=log, progress=progress)
        record = _read(root / RECORD)
    try:
        return Venvs(record["benchmarks"], record["packages"])
    except KeyError:
        raise CpatchError(f"{root / RECORD} is incomplete", fix=f"rm -r {root}") from None


class Venvs:
    """Which interpreter runs which benchmark, and what is installed beside it."""

    def __init__(self, benchmarks: dict[str, dict[str, str]], packages: dict[str, list[str]]):
        self._benchmarks = benchmarks
        #: Environment -> its packages, as ``name==version``.
        self.packages = packages

    def python(self, benchmark: str) -> Path | None:
        """Return the interpreter of a benchmark, or None when its requirements do not install."""
        found = self._benchmarks[benchmark].get("python")
        return Path(found) if found else None

    def why_not(self, benchmark: str) -> str:
        """Say why ``python`` is None."""
        return self._benchmarks[benchmark].get("error", "")


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def main(argv: list[str]) -> None:
    """Make the environments; raises what pyperformance raises when not even pip installs."""
    python, root, *names = argv
    home = Path(root)
    inherit = [name for name in os.environ if name.upper().startswith(_INHERITED)]
    table = choice.manifest()
    benchmarks = [table[name] for name in names]
    common = VenvForBenchmarks.ensure(
        str(home / "common"), python, upgrade="oncreate", inherit_environ=inherit
    )
    # pyperf and psutil, which every benchmark needs, are a benchmark's without requirements.
    plain = [each for each in benchmarks if not _has_requirements(each)]
    special = [each for each in benchmarks if _has_requirements(each)]
    placed: dict[str, dict[str, str]] = {}
    if plain:
        common.ensure_reqs(plain[0])
        placed |= {each.name: {"python": common.python} for each in plain}
    try:
        # In one go, so that pip sees all that must fit together.
        if special:
            needs = Requirements.from_benchmarks(special)
            needs.specs.append(_pyperf_requirement())
            common.ensure_reqs(needs)
            common.ensure_reqs(["psutil"])
        placed |= {each.name: {"python": common.python} for each in special}
    except RequirementsInstallationFailedError:
        for each in special:
            placed[each.name] = _place(each, common, home, python, inherit)
    used = {Path(row["python"]).parents[1] for row in placed.values() if "python" in row}
    record = {
        "compatibility": get_compatibility_id(),
        "python": python,
        "benchmarks": placed,
        "packages": {venv.name: _packages(venv / "bin" / "python") for venv in sorted(used)},
    }
    fresh = home / (RECORD + ".new")
    fresh.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    fresh.replace(home / RECORD)


def _place(
    benchmark: Any, common: Any, home: Path, python: str, inherit: list[str]
) -> dict[str, str]:
    """Try the common environment, then one of its own, as ``pyperformance run`` does."""
    try:
        common.ensure_reqs(benchmark)
    except RequirementsInstallationFailedError:
        print(f"({benchmark.name} gets an environment of its own)", flush=True)
    else:
        return {"python": common.python}
    try:
        own = VenvForBenchmarks.ensure(
            str(home / benchmark.name), python, upgrade="oncreate", inherit_environ=inherit
        )
        own.ensure_reqs(benchmark)
    except RequirementsInstallationFailedError as error:
        return {"error": f"its requirements do not install: {error}"}
    return {"python": own.python}


def _has_requirements(benchmark: Any) -> bool:
    path = benchmark.requirements_lockfile
    return bool(path) and Path(path).exists() and bool(Requirements.from_file(path).specs)


def _pyperf_requirement() -> str:
    import pyperformance.venv

    found: str = Requirements.from_file(pyperformance.venv.REQUIREMENTS_FILE).get("pyperf")
    return found


def _packages(python: Path) -> list[str]:
    argv = [str(python), "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return done.stdout.split()


if __name__ == "__main__":
    main(sys.argv[1:])
