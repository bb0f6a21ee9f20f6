"""Which host tools and headers a build needs, and whether they are here.

Headers are probed by compiling and linking a few lines with the very compiler a build would use,
because a package name proves nothing about a cross compiler, a container or a hand-built OpenSSL.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from cpatch.base import console, proc
from cpatch.base.errors import CpatchError
from cpatch.base.project import Project
from cpatch.building import flavors

# For personality(2): change nothing, and a flag that children inherit.
_ASK = 0xFFFFFFFF
_ADDR_NO_RANDOMIZE = 0x0040000


@dataclass(frozen=True)
class Probe:
    """One library: a program that uses it, how to link that, and the package that brings it."""

    what: str
    package: str
    source: str
    libs: tuple[str, ...] = ()
    module: str = ""  # what a finished interpreter must be able to import, if it has one so named


@dataclass(frozen=True)
class Finding:
    """What the host says about one need."""

    what: str
    package: str
    found: bool
    detail: str


# What CPython's configure and setup.py look for; each missing one would silently drop a module.
PROBES = (
    Probe(
        "ssl",
        "libssl-dev",
        "#include <openssl/ssl.h>\nint main(void){return SSL_CTX_new(TLS_method()) == 0;}",
        ("-lssl", "-lcrypto"),
        "ssl",
    ),
    Probe(
        "zlib",
        "zlib1g-dev",
        "#include <zlib.h>\nint main(void){return zlibVersion() == 0;}",
        ("-lz",),
        "zlib",
    ),
    Probe(
        "bz2",
        "libbz2-dev",
        "#include <bzlib.h>\nint main(void){return BZ2_bzlibVersion() == 0;}",
        ("-lbz2",),
        "bz2",
    ),
    Probe(
        "lzma",
        "liblzma-dev",
        "#include <lzma.h>\nint main(void){return lzma_version_number() == 0;}",
        ("-llzma",),
        "lzma",
    ),
    Probe(
        "ffi",
        "libffi-dev",
        "#include <ffi.h>\nint main(void)"
        "{ffi_cif c; return ffi_prep_cif(&c, FFI_DEFAULT_ABI, 0, &ffi_type_void, 0);}",
        ("-lffi",),
        "ctypes",
    ),
    Probe(
        "sqlite3",
        "libsqlite3-dev",
        "#include <sqlite3.h>\nint main(void){return sqlite3_libversion() == 0;}",
        ("-lsqlite3",),
        "sqlite3",
    ),
    Probe(
        "readline",
        "libreadline-dev",
        "#include <stdio.h>\n#include <readline/readline.h>\n"
        "int main(void){rl_initialize(); return 0;}",
        ("-lreadline",),
        "readline",
    ),
    Probe(
        "ncurses",
        "libncurses-dev",
        "#include <curses.h>\nint main(void){endwin(); return 0;}",
        ("-lncursesw",),
        "curses",
    ),
    Probe(
        "gdbm",
        "libgdbm-dev",
        "#include <gdbm.h>\nint main(void){return gdbm_version == 0;}",
        ("-lgdbm",),
        "_gdbm",
    ),
    Probe(
        "uuid",
        "uuid-dev",
        "#include <uuid/uuid.h>\nint main(void){uuid_t u; uuid_generate_time_safe(u); return 0;}",
        ("-luuid",),
        "_uuid",
    ),
    Probe(
        "zstd",
        "libzstd-dev",
        "#include <zstd.h>\nint main(void){return ZSTD_versionNumber() < 10405;}",
        ("-lzstd",),
        "_zstd",  # younger than the others: not each pin has it
    ),
)

TOOLS = (("make", "make"), ("git", "git"))


def examine(environ: Mapping[str, str]) -> list[Finding]:
    """Look for the compiler, the tools and every library of PROBES; never raises on a miss."""
    command = flavors.compiler_command(environ)
    findings = [_compiler(command, environ)]
    for program, package in TOOLS:
        where = shutil.which(program, path=environ.get("PATH"))
        findings.append(Finding(program, package, where is not None, where or "not on PATH"))
    if findings[0].found:
        with (
            tempfile.TemporaryDirectory(prefix="cpatch-doctor-") as scratch,
            ThreadPoolExecutor(os.cpu_count() or 2) as pool,
        ):
            findings += pool.map(lambda p: _library(p, command, Path(scratch), environ), PROBES)
    else:
        findings += [Finding(p.what, p.package, False, "not tried: no compiler") for p in PROBES]
    return findings


def _compiler(command: list[str], environ: Mapping[str, str]) -> Finding:
    name = flavors.bare_compiler(command)
    # A distribution's package for a compiler has the compiler's name; gcc alone lacks the C
    # library's headers, which build-essential brings.
    base = Path(name).name
    package = "build-essential" if base in ("gcc", "cc") else base
    for word in command:
        program = word if flavors.is_launcher(word) or word == name else None
        if program and shutil.which(program, path=environ.get("PATH")) is None:
            missing = package if program == name else Path(program).name
            return Finding(
                f"C compiler ({shlex.join(command)})", missing, False, f"{program}: not on PATH"
            )
    with tempfile.TemporaryDirectory(prefix="cpatch-doctor-") as scratch:
        probe = Probe("compiler", package, "#include <stdio.h>\nint main(void){return 0;}")
        finding = _library(probe, command, Path(scratch), environ)
    detail = shutil.which(name, path=environ.get("PATH")) or name
    return Finding(
        f"C compiler ({shlex.join(command)})",
        package,
        finding.found,
        detail if finding.found else finding.detail,
    )


def _library(
    probe: Probe, command: list[str], scratch: Path, environ: Mapping[str, str]
) -> Finding:
    source = scratch / f"{probe.what}.c"
    source.write_text(probe.source + "\n", encoding="utf-8")
    flags = [shlex.split(environ.get(key, "")) for key in ("CPPFLAGS", "CFLAGS", "LDFLAGS")]
    # ncurses and ffi may keep their headers in a directory only pkg-config knows.
    argv = [
        *command,
        *flags[0],
        *flags[1],
        *_pkg_config(probe, "--cflags", environ),
        "-o",
        str(source.with_suffix("")),
        str(source),
        *flags[2],
        *probe.libs,
    ]
    done = subprocess.run(
        argv,
        cwd=scratch,
        env=flavors.clean_environment(environ),
        capture_output=True,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if "error" in line or "ld:" in line]
    detail = (lines or done.stderr.splitlines() or ["compiler failed"])[0].strip()
    detail = probe.package if done.returncode == 0 else detail.replace(str(scratch) + "/", "")
    return Finding(probe.what, probe.package, done.returncode == 0, detail)


def _pkg_config(probe: Probe, flag: str, environ: Mapping[str, str]) -> list[str]:
    names = {"ffi": "libffi", "ncurses": "ncursesw", "ssl": "openssl"}
    tool = shutil.which(environ.get("PKG_CONFIG", "pkg-config"), path=environ.get("PATH"))
    if probe.what not in names or tool is None:
        return []
    done = subprocess.run(
        [tool, flag, names[probe.what]], capture_output=True, text=True, check=False
    )
    return shlex.split(done.stdout) if done.returncode == 0 else []


def is_debian(os_release: Path = Path("/etc/os-release")) -> bool:
    """Tell whether the host is Debian or one of its family, apt-get included."""
    try:
        fields = dict(
            line.split("=", 1) for line in os_release.read_text().splitlines() if "=" in line
        )
    except OSError:
        return False
    ids = f"{fields.get('ID', '')} {fields.get('ID_LIKE', '')}".replace('"', "").split()
    return ("debian" in ids or "ubuntu" in ids) and shutil.which("apt-get") is not None


def install_command(missing: list[Finding]) -> str:
    """Return the one command that brings everything in *missing*."""
    packages = " ".join(sorted({finding.package for finding in missing}))
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {packages}"


def install(missing: list[Finding], log: Path) -> None:
    """Install the packages of *missing* with apt-get; CpatchError with the log on failure."""
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    packages = sorted({finding.package for finding in missing})
    cwd = Path("/")
    proc.step("apt-get update", ["apt-get", "update"], cwd=cwd, env=env, log=log)
    argv = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    proc.step("install " + " ".join(packages), argv, cwd=cwd, env=env, log=log)


def _stamp_key(environ: Mapping[str, str]) -> str:
    command = flavors.compiler_command(environ)
    where = shutil.which(flavors.bare_compiler(command), path=environ.get("PATH"))
    about = [
        platform.node(),
        platform.platform(),
        command,
        where,
        Path(where).stat().st_mtime_ns if where else None,
        [environ.get(key, "") for key in flavors.PASSED_THROUGH],
        [asdict(probe) for probe in PROBES],
    ]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()


def ensure_host(project: Project, environ: Mapping[str, str]) -> None:
    """Return when this host can build; install what it lacks when root on a Debian family system.

    A stamp for this host and compiler makes it instant. CpatchError names everything missing and
    the one command that brings it.
    """
    stamp = project.build / "doctor.json"
    key = _stamp_key(environ)
    try:
        if json.loads(stamp.read_text(encoding="utf-8")).get("key") == key:
            return
    except (OSError, ValueError):
        pass
    missing = [finding for finding in examine(environ) if not finding.found]
    if missing and os.geteuid() == 0 and is_debian():
        names = ", ".join(finding.what for finding in missing)
        console.note(f"missing on this host: {names}; installing, as root")
        install(missing, project.build / "doctor.log")
        missing = [finding for finding in examine(environ) if not finding.found]
    if missing:
        raise lacking(missing)
    project.make_dir(project.build)
    stamp.write_text(json.dumps({"key": key}) + "\n", encoding="utf-8")


def ensure_compiler(environ: Mapping[str, str]) -> None:
    """Return when there is a compiler that makes programs; CpatchError names its package."""
    finding = _compiler(flavors.compiler_command(environ), environ)
    if not finding.found:
        raise lacking([finding])


@contextlib.contextmanager
def addresses(*, fixed: bool) -> Iterator[None]:
    """Have what this thread starts inside lie at the same addresses always, if they are *fixed*."""
    if not fixed:
        yield
        return
    libc = ctypes.CDLL(None)
    before = libc.personality(_ASK)
    libc.personality(before | _ADDR_NO_RANDOMIZE)
    try:
        yield
    finally:
        libc.personality(before)


def lacking(missing: list[Finding]) -> CpatchError:
    """Return the error for what is missing, with the command that installs it."""
    return CpatchError(
        "this host lacks what a build needs",
        wanted=", ".join(finding.what for finding in missing),
        got="\n".join(f"{finding.what}: {finding.detail}" for finding in missing),
        fix=install_command(missing),
    )
