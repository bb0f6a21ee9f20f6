"""The raw files of a kept run as one archive, and where it is unpacked to be read.

An archive is a twentieth of the files that are in it, which repeat each other. To be read it is
unpacked below ``build/kept``, under its own digest.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from pathlib import Path

from cpatch.base.errors import CpatchError
from cpatch.base.project import Project

NAME = "raw.tar.xz"


def opened(project: Project, root: Path) -> Path:
    """Return a directory with the raw files of a kept run; *root* itself when it has them.

    CpatchError when the archive cannot be unpacked.
    """
    archive = root / NAME
    if not archive.exists():
        return root
    data = archive.read_bytes()
    home = project.build / "kept" / f"{root.name}-{hashlib.sha256(data).hexdigest()[:12]}"
    if not home.exists():
        fresh = home.with_name(f"{home.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        project.make_dir(fresh)
        try:
            with tarfile.open(fileobj=io.BytesIO(data)) as stream:
                for member in stream.getmembers():
                    _extract(stream, member, fresh)
        except (tarfile.TarError, EOFError, OSError, ValueError) as error:
            shutil.rmtree(fresh)
            raise CpatchError(
                f"{project.show(archive)} cannot be unpacked: {error}",
                fix=f"git checkout {project.show(archive)}",
            ) from None
        fresh.replace(home)
    return home


def _extract(stream: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    path = target / member.name
    if not member.isfile() or target not in Path(path).resolve().parents:
        raise ValueError(f"{member.name} is no file below it")
    path.parent.mkdir(parents=True, exist_ok=True)
    content = stream.extractfile(member)
    assert content is not None
    path.write_bytes(content.read())


def write(source: Path, target: Path) -> None:
    """Write all files of *source* to an archive, without who and when."""
    with tarfile.open(target, "w:xz", preset=9) as stream:
        for path in sorted(each for each in source.rglob("*") if each.is_file()):
            member = tarfile.TarInfo(str(path.relative_to(source)))
            member.size = path.stat().st_size
            with path.open("rb") as content:
                stream.addfile(member, content)
