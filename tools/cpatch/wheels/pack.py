"""From the sources to a wheel that was tested: for the pin's stock interpreter, and for others."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cpatch.base import console, files, locks, proc
from cpatch.base.errors import CpatchError
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.building import flavors, install
from cpatch.wheels import stage, trial

#: What builds and packs, exact; scikit-build-core brings what it needs itself.
TOOLS = ("build==1.6.1", "wheel==0.47.0", "auditwheel==6.8.2")
#: Below the pin's build directory.
PLACE = "wheel"
DIST = "dist"
_TESTED = "TESTED"


@dataclass(frozen=True)
class Job:
    """What to pack: ``also`` are further interpreters, whose modules go into the same wheel.

    ``servers`` tries the servers, too, and ``suites`` are Debian releases to try all on.
    """

    jobs: int
    also: tuple[Path, ...]
    test: bool
    servers: bool = False
    suites: tuple[str, ...] = ()


@dataclass(frozen=True)
class Packed:
    """What there is then: both files, and the releases that the wheel is for."""

    wheel: Path
    sdist: Path
    releases: tuple[str, ...]


def pack(project: Project, pin: Pin, job: Job) -> Packed:
    """Build against the stock interpreter of the pin, test there, and leave wheel and sdist.

    The wheel is built from the sdist, so that what is published builds. Raises CpatchError for what
    stops that: no extension for the pin, a registry that is out of reach, a test that fails. Of two
    at once the second waits.
    """
    stage.check(project, pin)
    work = project.make_dir(project.pin_build(pin) / PLACE)
    with locks.alone_in(work):
        return _pack(project, pin, job, work)


def _pack(project: Project, pin: Pin, job: Job, work: Path) -> Packed:
    log = project.logs(pin) / "wheel.log"
    log.unlink(missing_ok=True)
    source = stage.stage(project, pin, work / "source")
    prefix = work / "stock"
    stock = install.install(
        project, pin, install.Job("stock", flavors.get("release"), job.jobs, prefix, False)
    ).python
    pythons = (stock, *job.also)
    tools = _environment(stock, work / "tools", TOOLS, log)
    sdist = _sdist(tools, source, work / "sdist", log)
    wheels = [
        _wheel(_environment(python, work / f"tools-{n}", TOOLS, log), sdist, work / f"w{n}", log)
        for n, python in enumerate(pythons)
    ]
    wheel = _tagged(tools, _join(tools, wheels, work / "joined", log), log)
    tests = project.root / stage.FOLDER / "tests"
    for n, python in enumerate(pythons):
        if job.test:
            test(python, wheel, tests, work / f"test-{n}", log)
        if job.servers:
            trial.servers(project, python, wheel, work / f"servers-{n}", log)
    for suite in job.suites:
        trial.bare(project, pin, sdist, tests, suite)
    dist = project.make_dir(project.pin_build(pin) / DIST)
    for old in (*dist.glob("immortal_heap-*"), *dist.glob(_TESTED)):
        old.unlink()
    done = [Path(shutil.copy2(path, dist)) for path in (wheel, sdist)]
    releases = tuple(_release(python) for python in pythons)
    if job.test:
        files.write(dist / _TESTED, "\n".join(releases) + "\n")
    return Packed(done[0], done[1], releases)


def newest(project: Project, pin: Pin) -> Path | None:
    """Return the wheel that was packed for a pin, if there is one."""
    return next((project.pin_build(pin) / DIST).glob("immortal_heap-*.whl"), None)


def test(python: Path, wheel: Path, tests: Path, place: Path, log: Path) -> None:
    """Run the package's own tests in a new environment that has the wheel and nothing else."""
    inside = _environment(python, place, (str(wheel),), log)
    proc.step(
        f"tests of {wheel.name} in {_release(python)}",
        [inside, "-m", "unittest", "discover", "-s", tests, "-t", tests],
        cwd=place,
        env=_clean(),
        log=log,
        works_on=place.parent,
    )


def _clean() -> proc.Env:
    """A child's environment: nothing that tells an interpreter what to do."""
    return {name: None for name in os.environ if name.startswith("PYTHON")}


def _release(python: Path) -> str:
    ask = "import platform; print(platform.python_version())"
    return proc.run([python, "-I", "-c", ask], cwd=Path("/"), env=_clean()).stdout.strip()


def _environment(python: Path, place: Path, wanted: Sequence[str], log: Path) -> Path:
    """Return the interpreter of a new virtual environment with some packages."""
    shutil.rmtree(place, ignore_errors=True)
    proc.run([python, "-m", "venv", place], cwd=Path("/"), env=_clean(), log=log)
    inside = place / "bin" / "python"
    proc.step(
        f"install {', '.join(Path(each).name for each in wanted)}",
        [inside, "-m", "pip", "install", "--quiet", *wanted],
        cwd=place,
        env=_clean(),
        log=log,
        works_on=place.parent,
    )
    return inside


def _one(place: Path, pattern: str) -> Path:
    found = list(place.glob(pattern))
    if len(found) != 1:
        raise CpatchError(f"one {pattern} was expected in {place}", got=f"{len(found)} of them")
    return found[0]


def _build(tools: Path, what: str, source: Path, place: Path, log: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    proc.step(
        f"build the {what} of immortal-heap",
        [tools, "-m", "build", f"--{what}", "--outdir", place, source],
        cwd=source.parent,
        env=_clean(),
        log=log,
        works_on=place.parent,
    )


def _sdist(tools: Path, source: Path, place: Path, log: Path) -> Path:
    _build(tools, "sdist", source, place, log)
    return _one(place, "*.tar.gz")


def _wheel(tools: Path, sdist: Path, place: Path, log: Path) -> Path:
    unpacked = place.with_suffix(".source")
    shutil.rmtree(unpacked, ignore_errors=True)
    shutil.unpack_archive(sdist, unpacked, filter="data")
    _build(tools, "wheel", _one(unpacked, "immortal_heap-*"), place, log)
    return _one(place, "*.whl")


def _join(tools: Path, wheels: Sequence[Path], place: Path, log: Path) -> Path:
    """Return one wheel with the extension modules of all, which have names of their own."""
    if len(wheels) == 1:
        return wheels[0]
    shutil.rmtree(place, ignore_errors=True)
    homes = []
    for n, wheel in enumerate(wheels):
        into = place / str(n)
        into.mkdir(parents=True)
        proc.run([tools, "-m", "wheel", "unpack", "-d", into, wheel], cwd=place, log=log)
        homes.append(_one(into, "immortal_heap-*"))
    for home, wheel in zip(homes[1:], wheels[1:], strict=True):
        for module in home.glob("immortal_heap/_heap_*"):
            if (homes[0] / "immortal_heap" / module.name).exists():
                raise CpatchError(
                    f"two interpreters have the same {module.name}",
                    wanted="interpreters of different releases",
                    got=wheel.name,
                )
            shutil.copy2(module, homes[0] / "immortal_heap")
    proc.run([tools, "-m", "wheel", "pack", "-d", place, homes[0]], cwd=place, log=log)
    console.detail(f"joined {len(wheels)} wheels")
    return _one(place, "*.whl")


def _tagged(tools: Path, wheel: Path, log: Path) -> Path:
    """Return the wheel under the name of the oldest systems whose C library has all it calls."""
    said = proc.run([tools, "-m", "auditwheel", "show", "--json", wheel], cwd=wheel.parent, log=log)
    tag = json.loads(said.stdout)["overall_tag"]
    argv = [tools, "-m", "wheel", "tags", "--platform-tag", tag, "--remove", wheel]
    proc.run(argv, cwd=wheel.parent, log=log)
    console.detail(f"it needs a system of {tag}")
    return _one(wheel.parent, "*.whl")
