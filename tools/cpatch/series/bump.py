"""Try the series on another upstream version, and move the pin if asked to."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.git import Repo
from cpatch.base.pin import Pin, Pins
from cpatch.base.project import Project
from cpatch.series import chain as chains
from cpatch.series import fixes, overlay
from cpatch.sources import fetch, upstream

#: The ends of a tarball's name: upstream's, and the distribution's for the same bytes.
_PACKINGS = ((".tgz", ".tar.gz"), (".tar.xz", ".tar.xz"))


@dataclass(frozen=True)
class Verdict:
    """How one patch fares on the new version."""

    name: str
    word: str
    files: tuple[str, ...] = ()
    is_fix: bool = False


def new_pin(
    project: Project,
    pins: Pins,
    old: Pin,
    version: str,
    source: Path | None,
    sha256: str | None,
) -> tuple[Pin, Path]:
    """Return the pin as it would be, and the new tarball.

    ``version`` is as the distribution writes it: 9.9.0~rc2 for what upstream calls 9.9.0rc2.
    """
    if not re.match(r"\d+\.\d+\.\d+", version):
        raise CpatchError(
            "that is no version of CPython",
            wanted=f"one like {old.version}",
            got=version,
            fix="make bump ARGS='BRANCH VERSION'",
            code=USAGE,
        )
    known = next((pin for pin in pins.table.values() if pin.version == version), None)
    drafts = [_draft(old, version, *packing) for packing in _PACKINGS]
    drafts.sort(key=lambda draft: _packing(draft.tarball) != _packing(old.tarball))
    if known is not None:
        drafts = [replace(known, branch=old.branch, series=old.series, date=old.date, tree="")]
    if source is not None:
        draft, tarball = drafts[0], source
        if not source.is_file():
            raise CpatchError(f"--source {source}: no such file")
    elif known is not None:
        draft, tarball = drafts[0], fetch.ensure(project, known.archive)
    else:
        draft, tarball = _download(project, drafts)
    found = fetch.identify(tarball)
    if sha256 and found.sha256 != sha256:
        raise CpatchError(
            f"sha256 of {tarball} differs", wanted=f"{sha256} (--sha256)", got=found.sha256
        )
    return replace(draft, size=found.size, sha256=found.sha256), tarball


def _draft(old: Pin, version: str, their_end: str, its_end: str) -> Pin:
    """Return the pin for another version, packed in one of ``_PACKINGS``."""
    theirs, final = version.replace("~", ""), version.partition("~")[0]
    home, new_home = (".".join(text.split(".")[:2]) for text in (old.version, version))
    urls = (url.replace(f"/{old.version}/", f"/{final}/") for url in old.urls)
    pool = old.debian_pool.replace(old.version, version)
    return replace(
        old,
        version=version,
        tarball=_stem(old.tarball.replace(old.version, theirs)) + their_end,
        urls=tuple(_stem(url.replace(old.version, theirs)) + their_end for url in urls),
        debian_pool=_stem(pool.replace(f"python{home}", f"python{new_home}")) + its_end,
        sha256="",
        tree="",
    )


def _stem(name: str) -> str:
    return name.removesuffix(_packing(name))


def _packing(name: str) -> str:
    return next((end for packing in _PACKINGS for end in packing if name.endswith(end)), "")


def _download(project: Project, drafts: Sequence[Pin]) -> tuple[Pin, Path]:
    """Return the first that is to be had."""
    tried = []
    for draft in drafts:
        try:
            return draft, fetch.download_unpinned(project, draft.archive)
        except CpatchError as exc:
            tried.append(exc)
    raise CpatchError("\n".join(exc.what for exc in tried), fix=tried[0].fix)


def attempt(
    project: Project, old: Pin, new: Pin, tarball: Path
) -> tuple[list[Verdict], dict[str, str], str]:
    """Apply the series to the new version in scratch space; returns verdicts and the new tree."""
    # Both versions in one store: the old blobs are what a 3-way merge starts from.
    before = fixes.base(project, old)
    repo = Repo(project.store)
    pristine = upstream.pristine(project, new, tarball)
    inputs = chains.load_inputs(project, old)
    made = chains.build_chain(repo, old, before, inputs)
    verdicts = []
    with _scratch(repo, project, pristine) as scratch:
        for applied in fixes.applied(project, old):
            verdict = _one(repo, scratch, applied, merge=False)
            verdicts.append(replace(verdict, is_fix=True))
        base = scratch.out("rev-parse", "HEAD")
        shadows = overlay.shadowing(inputs.overlay, repo.files(base))
        added = {path: file for path, file in inputs.overlay.items() if path not in shadows}
        at = chains.overlay_commit(repo, new, base, overlay.entries(repo, added))
        scratch.git("reset", "--quiet", "--hard", at)
        for applied in made.applied:
            verdicts.append(_one(repo, scratch, applied, merge=True))
    return verdicts, shadows, repo.tree_of(pristine)


def _one(repo: Repo, scratch: Repo, applied: chains.Applied, *, merge: bool) -> Verdict:
    """Put one patch on top of the scratch tree, exactly if possible, else by a 3-way merge.

    Without ``merge`` (a fix, which nobody here can write anew) a merge only finds out whether all
    of it is there already.
    """
    name = applied.patch.name
    here = scratch.out("rev-parse", "HEAD")
    tree = repo.tree_of(here)
    exact = chains.apply_one(repo, tree, applied.patch)
    if exact is not None:
        made = repo.commit_tree(exact, [here], applied.message, date=0, author_date=0)
        scratch.git("reset", "--quiet", "--hard", made)
        return Verdict(name, "offset" if _moved(repo, tree, applied) else "clean")
    if _reversed(repo, tree, applied):
        return Verdict(name, "already-upstream")
    picked = scratch.git("cherry-pick", "--keep-redundant-commits", applied.commit, check=False)
    if picked.ok:
        merged = repo.tree_of(scratch.out("rev-parse", "HEAD"))
        if merged == tree:
            return Verdict(name, "already-upstream")
        if merge:
            return Verdict(name, "3-way")
        scratch.git("reset", "--quiet", "--hard", here)
        return Verdict(name, "conflict", tuple(repo.changed(tree, merged)))
    files = scratch.out("diff", "--name-only", "--diff-filter=U").split("\n")
    scratch.git("cherry-pick", "--abort", check=False)
    scratch.git("reset", "--quiet", "--hard", here)
    return Verdict(name, "conflict", tuple(files))


def _moved(repo: Repo, tree: str, applied: chains.Applied) -> bool:
    """Say whether a patch that applies does so at other lines than it names."""
    with repo.index(tree) as index:
        said = repo.git(
            *("apply", "--cached", "--check", "-v"),
            index=index,
            input=applied.patch.diff,
            env={"LC_ALL": "C"},
        )
    return "offset" in said.stderr


def _reversed(repo: Repo, tree: str, applied: chains.Applied) -> bool:
    with repo.index(tree) as index:
        return repo.git(
            *("apply", "--cached", "--check", "--reverse"),
            index=index,
            input=applied.patch.diff,
            check=False,
        ).ok


@contextmanager
def _scratch(repo: Repo, project: Project, commit: str) -> Iterator[Repo]:
    """Give a temporary source tree."""
    with tempfile.TemporaryDirectory(dir=project.build, prefix="bump-") as name:
        scratch = Repo(repo.git_dir, Path(name, "src"))
        repo.git("worktree", "add", "--quiet", "--detach", str(scratch.worktree), commit)
        try:
            yield scratch
        finally:
            repo.git("worktree", "remove", "--force", str(scratch.worktree), check=False)


def write_pin(project: Project, new: Pin, gone: set[str]) -> None:
    """Edit four keys of one table in the pin file; comments and layout stay.

    The fixes in ``gone`` lose their lines, where each has its own.
    """
    path = project.pins_file
    values = {"version": f'"{new.version}"', "size": str(new.size)}
    values |= {"sha256": f'"{new.sha256}"', "tree": f'"{new.tree}"'}
    head = re.compile(r"\s*\[\s*[\"']?" + re.escape(new.branch) + r"[\"']?\s*\]")
    fixes_head = re.compile(r"\s*\[\s*[\"']?" + re.escape(new.branch) + r"[\"']?\.fixes\s*\]")
    out: list[str] = []
    inside = in_fixes = False
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("["):
            if inside:
                _append_missing(out, values)
            inside = bool(head.match(line))
            in_fixes = bool(fixes_head.match(line))
        if in_fixes and line.strip().strip("\"',") in gone:
            continue
        key = line.split("=", 1)[0].strip()
        if inside and "=" in line and key in values:
            line = f"{key} = {values.pop(key)}"
        out.append(line)
    if inside:
        _append_missing(out, values)
    partial = path.with_suffix(".new")
    partial.write_text("\n".join(out) + "\n", encoding="utf-8")
    partial.replace(path)


def _append_missing(out: list[str], values: dict[str, str]) -> None:
    """Add keys that the table did not have yet, after its last one."""
    at = len(out)
    while at and (not out[at - 1].strip() or out[at - 1].lstrip().startswith("#")):
        at -= 1
    out[at:at] = [f"{key} = {value}" for key, value in values.items()]
    values.clear()
