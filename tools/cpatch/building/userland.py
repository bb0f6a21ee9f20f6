"""A bare system, by debootstrap, and programs in a copy of it.

Which archive, apt is asked; Ubuntu's is looked for beside Debian's. The userland is kept below
``build/userlands``, and each trial works on a copy of it, in mounts and processes of its own.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from cpatch.base import locks, proc
from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.project import Project

_RELEASE = re.compile(r"^'(\S+)/dists/[^/]+/InRelease' ", re.M)
#: What of the host's network a userland needs: where names are looked up, and whom TLS trusts.
_FROM_HOST = ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt")
_SCRIPTS = Path("/usr/share/debootstrap/scripts")
_KEYS = Path("/usr/share/keyrings/ubuntu-archive-keyring.gpg")
_UBUNTU = ("jammy", "noble")
#: Where files are in the copy, and where its program begins.
HOME = "root"


def run(
    project: Project,
    suite: str,
    given: Sequence[Path],
    argv: Sequence[str],
    *,
    title: str,
    log: Path,
) -> None:
    """Run *argv* in a bare *suite* that has the files and folders *given*, and nothing else.

    Raises CpatchError when it fails; the copy is gone afterwards, or begun anew next time. Of two
    trials in one suite the second waits.
    """
    place = project.make_dir(project.build / "userlands" / f"{suite}.trial")
    with locks.alone_in(place):
        top = _copy(userland(project, suite, place), place / "root", given)
        log.unlink(missing_ok=True)
        kept = {key: value for key, value in os.environ.items() if key.startswith("PIP_INDEX")}
        env = {**kept, "HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        env["LC_ALL"] = "C.UTF-8"
        if (top / _FROM_HOST[-1]).exists():
            certificates = "/" + _FROM_HOST[-1]
            env |= {"PIP_CERT": certificates, "SSL_CERT_FILE": certificates}
        inside = f'mount -t proc proc /proc && cd /{HOME} && exec "$@"'
        clean = ["env", "-i", *(f"{key}={value}" for key, value in env.items())]
        chroot = ["chroot", os.fspath(top), "sh", "-c", inside, "sh"]
        proc.step(
            title,
            # The first process in there takes no signal from here: it ends with unshare.
            ["unshare", "-mpf", "--kill-child", *clean, *chroot, *argv],
            cwd=Path("/"),
            log=log,
            works_on=place,
        )
        shutil.rmtree(top, ignore_errors=True)


def _copy(base: Path, top: Path, given: Sequence[Path]) -> Path:
    """Make *top* a copy of a bare system, with files and folders and the host's network."""
    shutil.rmtree(top, ignore_errors=True)
    proc.run(["cp", "-a", "--reflink=auto", base, top], cwd=base.parent)
    for name in _FROM_HOST:
        if Path("/", name).exists():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path("/", name), top / name)
    for path in given:
        if path.is_dir():
            unwanted = shutil.ignore_patterns("__pycache__")
            shutil.copytree(path, top / HOME / path.name, ignore=unwanted)
        else:
            shutil.copyfile(path, top / HOME / path.name)
    return top


def check(project: Project, suite: str) -> None:
    """Raise CpatchError if a bare *suite* is not there and could not be made; it takes no time."""
    made = (project.build / "userlands" / f"{suite}.done").exists()
    if os.geteuid() != 0 or not (made or shutil.which("debootstrap")):
        raise CpatchError(
            "--try needs root and debootstrap",
            fix="as root: apt-get install -y debootstrap",
        )
    if not made and suite not in _UBUNTU and not (_SCRIPTS / suite).exists():
        raise CpatchError(
            "debootstrap does not know that suite",
            wanted=f"a release of Debian, or {', '.join(_UBUNTU)}",
            got=suite,
            fix="--try bookworm",
            code=USAGE,
        )


def userland(project: Project, suite: str, place: Path) -> Path:
    """Return a bare system of a Debian release, made when it is not there yet.

    The caller is alone in *place*.
    """
    home = project.make_dir(project.build / "userlands") / suite
    done = home.with_name(f"{suite}.done")
    if done.exists():
        return home
    check(project, suite)
    root, words = archive_root(), ["debootstrap", "--variant=minbase"]
    script = _SCRIPTS / suite
    if suite in _UBUNTU:
        root = f"{root.rpartition('/')[0]}/ubuntu"
        # Debian 12 has no package with Ubuntu's key; what is made here is thrown away again.
        words += ["--keyring", str(_KEYS)] if _KEYS.exists() else ["--no-check-gpg"]
        # All of Ubuntu's are one script; an older debootstrap does not know the newer names.
        script = _SCRIPTS / "gutsy"
    proc.step(
        f"make a bare {suite}",
        [*words, suite, home, root, script],
        cwd=Path("/"),
        log=home.with_name(f"{suite}.log"),
        works_on=place,
    )
    done.touch()
    return home


def archive_root() -> str:
    """Return the root of the first archive that apt is set up with."""
    said = proc.run(["apt-get", "--print-uris", "update"], cwd=Path("/"), check=False).stdout
    found = _RELEASE.search(said)
    if not found:
        raise CpatchError("apt names no archive", fix="set up apt's sources")
    return found[1]
