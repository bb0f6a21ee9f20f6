"""cpatch bump: try the series on another upstream version, and move the pin if asked to."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click

from cpatch import chain as chains
from cpatch import console, fetch, overlay, store
from cpatch.errors import CONFLICT, USAGE, CpatchError
from cpatch.git import Repo
from cpatch.options import pin_option, verbose_option
from cpatch.pin import Pin, load_pins
from cpatch.project import Project
from cpatch.worktree import listed


@dataclass(frozen=True)
class Verdict:
    """How one patch fares on the new version."""

    name: str
    word: str
    files: tuple[str, ...] = ()


@click.command("bump")
@click.argument("words", metavar="[BRANCH] VERSION", nargs=-1, required=True)
@pin_option
@verbose_option
@click.option("--source", type=click.Path(path_type=Path), help="The new version's tarball.")
@click.option("--sha256", help="What its SHA-256 must be.")
@click.option("--write", is_flag=True, help="Edit the pin file.")
def command(
    words: tuple[str, ...],
    pin_name: str | None,
    source: Path | None,
    sha256: str | None,
    write: bool,
) -> None:
    """Try the series on another version and report; change nothing until --write."""
    if len(words) > 2 or (len(words) == 2 and pin_name):
        raise CpatchError("bump takes a branch and a version", fix="bump --help", code=USAGE)
    project = Project.find()
    old = load_pins(project).get(words[0] if len(words) == 2 else pin_name)
    with store.lock(project):
        new, tarball = _new_pin(project, old, words[-1], source, sha256)
        verdicts, shadows, tree = _try(project, old, new, tarball)
    console.field("bump", f"{old.version} -> {new.version}   sha256 {new.sha256[:8]}")
    for verdict in verdicts:
        files = f"   {listed(verdict.files)}" if verdict.files else ""
        console.say(f"  {verdict.word:<16} {verdict.name}{files}")
    for path, other in shadows.items():
        console.say(f"  {'shadows':<16} {path} ({other} is upstream's now)")
    bad = [v for v in verdicts if v.word == "conflict"]
    if write:
        _write(project, replace(new, tree=tree))
        console.field("wrote", f"{project.show(project.pins_file)}   next: make apply")
        return
    if bad or shadows:
        raise CpatchError(
            f"{len(bad)} patch(es) conflict, {len(shadows)} overlay file(s) shadow upstream",
            fix="the same with --write moves the pin all the same; then make apply says how to "
            "redo each patch",
            code=CONFLICT,
        )
    console.field("next", "the same with --write")


def _new_pin(
    project: Project, old: Pin, version: str, source: Path | None, sha256: str | None
) -> tuple[Pin, Path]:
    """Return the pin as it would be, and the new tarball."""

    def moved(text: str) -> str:
        return text.replace(old.version, version)

    draft = replace(
        old,
        version=version,
        tarball=moved(old.tarball),
        urls=tuple(moved(url) for url in old.urls),
        debian_pool=moved(old.debian_pool),
        sha256=sha256 or "",
        tree="",
    )
    if source is None:
        tarball = fetch.download_unpinned(project, draft)
    elif source.is_file():
        tarball = source
    else:
        raise CpatchError(f"--source {source}: no such file")
    found = fetch.identify(tarball)
    if sha256 and found.sha256 != sha256:
        raise CpatchError(
            f"sha256 of {tarball} differs", wanted=f"{sha256} (--sha256)", got=found.sha256
        )
    return replace(draft, size=found.size, sha256=found.sha256), tarball


def _try(
    project: Project, old: Pin, new: Pin, tarball: Path
) -> tuple[list[Verdict], dict[str, str], str]:
    """Apply the series to the new version in scratch space; returns verdicts and the new tree."""
    # Both versions in one store: the old blobs are what a 3-way merge starts from.
    before = store.pristine(project, old)
    repo = Repo(project.store)
    pristine = store.pristine(project, new, tarball)
    tree = repo.tree_of(pristine)
    inputs = chains.load_inputs(project, old)
    shadows = overlay.shadowing(inputs.overlay, repo.files(tree))
    added = {path: file for path, file in inputs.overlay.items() if path not in shadows}
    made = chains.build_chain(repo, old, before, inputs)
    entries = overlay.entries(repo, added)
    at = chains.overlay_commit(repo, new, pristine, entries)
    verdicts = []
    with _scratch(repo, project, at) as scratch:
        for applied in made.applied:
            verdicts.append(_one(repo, scratch, applied))
    return verdicts, shadows, tree


def _one(repo: Repo, scratch: Repo, applied: chains.Applied) -> Verdict:
    """Put one patch on top of the scratch tree, exactly if possible, else by a 3-way merge."""
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
        return Verdict(name, "already-upstream" if merged == tree else "3-way")
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


def _write(project: Project, new: Pin) -> None:
    """Edit four keys of one table in the pin file; comments and layout stay."""
    path = project.pins_file
    values = {"version": f'"{new.version}"', "size": str(new.size)}
    values |= {"sha256": f'"{new.sha256}"', "tree": f'"{new.tree}"'}
    head = re.compile(r"\s*\[\s*[\"']?" + re.escape(new.branch) + r"[\"']?\s*\]")
    out: list[str] = []
    inside = False
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("["):
            if inside:
                _append_missing(out, values)
            inside = bool(head.match(line))
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
