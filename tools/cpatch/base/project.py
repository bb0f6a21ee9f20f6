"""Where things are: the repository, its ``build/`` directory, and names below both."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.pin import Pin

TREES = ("stock", "patched")

#: The overlay mirrors these directories of CPython; nothing else of the repository enters a tree.
OVERLAY_DIRS = ("Include", "Objects", "Python", "Modules", "Lib/test")


@dataclass(frozen=True)
class Project:
    """The repository root and the build directory; every other path derives from them."""

    root: Path
    build: Path

    @classmethod
    def find(cls) -> Project:
        """Locate the repository from this file; CPATCH_ROOT and CPATCH_BUILD override."""
        root = Path(os.environ.get("CPATCH_ROOT") or Path(__file__).resolve().parents[3]).resolve()
        build = Path(os.environ.get("CPATCH_BUILD") or root / "build")
        # Not resolved further: a build directory may be a symlink to a faster disk.
        return cls(root=root, build=Path(os.path.abspath(build)))

    @property
    def cache(self) -> Path:
        """Verified archives."""
        return self.build / "cache"

    @property
    def results(self) -> Path:
        """What ``bench`` measured: the user's data, and no product of a build."""
        return self.build / "results"

    @property
    def kept_results(self) -> Path:
        """Results that are part of the repository, packed."""
        return self.root / "results"

    @property
    def store(self) -> Path:
        """The one bare repository with the pristine trees of all pins (3-way needs them there)."""
        return self.build / "upstream.git"

    @property
    def patches(self) -> Path:
        """The patches, the series files and the pin file."""
        return self.root / "patches"

    @property
    def pins_file(self) -> Path:
        """The one place where CPython versions are written down."""
        return self.patches / "upstream.toml"

    @property
    def overlay_dirs(self) -> tuple[str, ...]:
        """Directories of the overlay, relative to ``root`` and to a CPython tree alike."""
        return OVERLAY_DIRS

    def pin_build(self, pin: Pin) -> Path:
        """Everything built for one pin."""
        return self.build / pin.branch

    def src(self, pin: Pin, tree: str) -> Path:
        """The source tree; ``tree`` is 'stock', 'patched', or the names of some parts."""
        return self.pin_build(pin) / f"src-{_checked(tree)}"

    def obj(self, pin: Pin, tree: str, flavor: str) -> Path:
        """The out-of-tree build directory of one tree and flavor."""
        return self.pin_build(pin) / f"obj-{_checked(tree)}-{flavor}"

    def bench(self, pin: Pin) -> Path:
        """The installed copies that ``bench`` measures, and their environments."""
        return self.pin_build(pin) / "bench"

    def logs(self, pin: Pin) -> Path:
        """Kept logs of long steps."""
        return self.pin_build(pin) / "log"

    def show(self, path: Path) -> str:
        """Return ``path`` as a user in the repository root would type it."""
        try:
            return str(path.relative_to(self.root))
        except ValueError:
            return str(path)

    def make_dir(self, path: Path) -> Path:
        """Create a directory below ``build``; explains an unwritable one."""
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not os.access(path, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied", str(path))
        except OSError as exc:
            raise CpatchError(
                f"cannot write to {self.show(path)}: {exc.strerror}",
                wanted=f"a directory that user {os.geteuid()} may write to",
                fix=f"make {self.show(self.build)} writable, "
                "or set CPATCH_BUILD to a directory that is",
            ) from exc
        return path


def named(tree: str) -> str:
    """Return what names a tree on make's command line, with a blank after it; '' for patched."""
    if tree in TREES:
        return "" if tree == "patched" else f"TREE={tree} "
    return f"PARTS={tree.replace('-', ',')} "


def _checked(tree: str) -> str:
    if not re.fullmatch(r"[a-z]+(-[a-z]+)*", tree):
        raise CpatchError(
            f"unknown tree {tree!r}",
            wanted=" or ".join(TREES),
            got=tree,
            fix="TREE=stock, TREE=patched, or PARTS=… for a tree of some parts",
            code=USAGE,
        )
    return tree
