"""Upstream's trees: one bare repository with the pristine sources of all pins.

One store for all, because a 3-way merge onto another version needs the blobs of the version that a
patch was made on. Tarballs are streamed into it without touching the disk in between, so nothing
in an archive can escape from a directory, and file modes do not depend on the umask.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

from cpatch.base import console, git, locks, proc
from cpatch.base.errors import CpatchError
from cpatch.base.git import Repo
from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.sources import fetch

#: What builds, tests (test_lib2to3's pickles) and editors leave in a source tree although objects
#: go elsewhere.
_EXCLUDE = (
    "__pycache__/\n*.pyc\n/Lib/lib2to3/*.pickle\n"
    "/compile_commands.json\n/tags\n/TAGS\n.cache/\n*.swp\n*~\n"
)

#: Outranks any .gitattributes of upstream's: a file is checked out as the tarball has it.
_ATTRIBUTES = "* -text !eol -ident !filter !diff !merge !working-tree-encoding -export-subst\n"

#: For the user's own git in the trees; ours passes its own. gc is off so that a commit thrown away
#: by mistake can still be found.
_CONFIG = """
[core]
	autocrlf = false
	fileMode = true
[gc]
	auto = 0
"""


def open_store(project: Project) -> Repo:
    """Return the store, creating it when it is not there (or only half there)."""
    repo = Repo(project.store)
    attributes = project.store / "info" / "attributes"
    if attributes.exists():
        return repo
    git.require()
    project.make_dir(project.store)
    repo.git("init", "--quiet", "--bare", "--initial-branch=none")
    config = project.store / "config"
    text = config.read_text(encoding="utf-8")
    if _CONFIG not in text:
        config.write_text(text + _CONFIG, encoding="utf-8")
    project.make_dir(attributes.parent)
    attributes.with_name("exclude").write_text(_EXCLUDE)
    attributes.write_text(_ATTRIBUTES)  # last: its presence says the store is complete
    return repo


def pristine(project: Project, pin: Pin, source: Path | None = None) -> str:
    """Return the pristine commit of a pin, fetching and importing the tarball if it is new.

    Raises CpatchError when no source gives the right bytes, or when the unpacked tree is not the
    one the pin records.
    """
    with locks.driver(project):
        repo = open_store(project)
        ref = f"refs/pristine/{pin.sha256}"
        tree = repo.resolve(f"{ref}^{{tree}}")
        if tree is None:
            tarball = fetch.ensure(project, pin.archive, source)
            import_tarball(repo, tarball, ref)
            tree = repo.tree_of(ref)
        if pin.tree and pin.tree != tree:
            raise CpatchError(
                f"the tree unpacked from {pin.tarball} is not the recorded one",
                wanted=f"{pin.tree} ({project.show(project.pins_file)}: {pin.branch}.tree)",
                got=tree,
                fix=f"correct {pin.branch}.tree; it is git's id of the tarball's content",
            )
        return repo.commit_tree(
            tree,
            [],
            f"CPython {pin.version}, pristine\n\nTarball-SHA256: {pin.sha256}\n",
            date=pin.date,
            author_date=pin.date,
        )


def import_tarball(repo: Repo, tarball: Path, ref: str) -> None:
    """Make a commit of a tarball's content, its top directory stripped, and point ``ref`` at it.

    The ref appears only when everything is stored. Raises CpatchError for an archive that is
    damaged or holds anything but plain files, directories and links.
    """
    # One byte in ten more on disk for half the time.
    args = ["git", "-c", "core.compression=1", "fast-import", "--quiet", "--done", "--force"]
    with console.progress(f"unpacking {tarball.name}"):
        try:
            proc.feed(
                args,
                _stream(tarball, ref),
                cwd=repo.git_dir,
                env={**git.environment(), "GIT_DIR": str(repo.git_dir)},
            )
        except (tarfile.TarError, EOFError, OSError) as exc:
            raise CpatchError(
                f"{tarball} cannot be unpacked: {exc}", fix=f"rm {tarball} && make fetch"
            ) from exc


def _stream(tarball: Path, ref: str) -> Iterator[bytes]:
    """Translate a tarball into git's fast-import language."""
    rows: dict[str, tuple[str, int]] = {}
    count = 0
    with tarfile.open(tarball, "r|*") as archive:
        for member in archive:
            path = _inside(member.name)
            if path is None or member.isdir():
                continue
            if member.islnk():
                target = _inside(member.linkname)
                if target not in rows:
                    raise tarfile.TarError(f"{member.name}: link to unknown {member.linkname}")
                rows[path] = rows[target]
                continue
            if member.issym():
                mode, data = "120000", member.linkname.encode("utf-8", "surrogateescape")
            elif member.isfile():
                handle = archive.extractfile(member)
                assert handle is not None
                mode, data = "100755" if member.mode & 0o100 else "100644", handle.read()
            else:
                raise tarfile.TarError(f"{member.name}: neither file, directory nor link")
            count += 1
            rows[path] = (mode, count)
            yield b"blob\nmark :%d\ndata %d\n" % (count, len(data))
            yield data
            yield b"\n"
    if not rows:
        raise tarfile.TarError("the archive holds no files")
    yield f"commit {ref}\ncommitter {git.NAME} <{git.EMAIL}> 0 +0000\ndata 0\ndeleteall\n".encode()
    for path, (mode, mark) in rows.items():
        quoted = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        yield f'M {mode} :{mark} "{quoted}"\n'.encode("utf-8", "surrogateescape")
    yield b"\ndone\n"


def _inside(name: str) -> str | None:
    """Return a member's path below the archive's top directory; None for that directory itself."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    # git refuses these in a tree as well; said here, the archive is named.
    if name.startswith("/") or ".." in parts or ".git" in parts:
        raise tarfile.TarError(f"{name}: path leaves the archive's directory")
    return "/".join(parts[1:]) or None
