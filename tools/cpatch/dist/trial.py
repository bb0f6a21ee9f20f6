"""A tarball in a bare system: a userland by debootstrap, and the steps that a user would take.

Which archive, apt is asked; Ubuntu's is looked for beside Debian's. The userland is kept below ``build/userlands``, and each trial works
on a copy of it, in mounts and processes of its own.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from cpatch.base import proc
from cpatch.base.errors import CpatchError
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.dist.assemble import Made

_RELEASE = re.compile(r"^'(\S+)/dists/[^/]+/InRelease' ", re.M)
#: What of the host's network a userland needs: where names are looked up, and whom TLS trusts.
_FROM_HOST = ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt")
_SCRIPTS = Path("/usr/share/debootstrap/scripts")
_KEYS = Path("/usr/share/keyrings/ubuntu-archive-keyring.gpg")
_UBUNTU = ("jammy", "noble")


def run(project: Project, pin: Pin, made: Made, suite: str) -> None:
    """Run the steps of ``tools/dist/try.sh`` in a bare *suite*; CpatchError when one fails."""
    base = userland(project, suite)
    top = base.with_name(f"{suite}.trial")
    shutil.rmtree(top, ignore_errors=True)
    proc.run(["cp", "-a", "--reflink=auto", base, top], cwd=base.parent)
    for name in _FROM_HOST:
        if Path("/", name).exists():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path("/", name), top / name)
    shutil.copyfile(made.path, top / "root" / "python.tar.gz")
    for name in ("try.sh", "verify.py"):
        shutil.copyfile(project.root / "tools" / "dist" / name, top / "root" / name)
    log = project.logs(pin) / f"dist-try-{suite}.log"
    log.unlink(missing_ok=True)
    kept = {key: value for key, value in os.environ.items() if key.startswith("PIP_INDEX")}
    certificates = "/" + _FROM_HOST[-1]
    env = {**kept, "HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    if (top / _FROM_HOST[-1]).exists():
        env |= {"PIP_CERT": certificates, "SSL_CERT_FILE": certificates}
    inside = "mount -t proc proc /proc && cd /root && exec sh try.sh"
    words = [f"{key}={value}" for key, value in env.items()]
    proc.step(
        f"try {made.path.name} on {suite}",
        ["unshare", "-mpf", "env", "-i", *words, "chroot", top, "sh", "-c", inside],
        cwd=Path("/"),
        log=log,
    )
    shutil.rmtree(top, ignore_errors=True)


def userland(project: Project, suite: str) -> Path:
    """Return a bare system of a Debian release, made when it is not there yet."""
    home = project.make_dir(project.build / "userlands") / suite
    done = home.with_name(f"{suite}.done")
    if done.exists():
        return home
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        raise CpatchError(
            "--try needs root and debootstrap",
            fix="as root: apt-get install -y debootstrap",
        )
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
