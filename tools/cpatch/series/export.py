"""From commits to patch files, without noise: equal changes give equal bytes everywhere."""

from __future__ import annotations

from cpatch.base.git import PATCH_DATE, Repo

_FORMAT = (
    "format-patch",
    "-1",
    "--stdout",
    "--zero-commit",  # a commit id would change with every patch before it
    "--keep-subject",  # "[PATCH 3/7]" would change when a patch is added elsewhere
    "--no-numbered",  # the same, should -k ever stop implying it
    "--no-signature",  # the version of the local git
    "--no-stat",  # repeats the diff, and its width depends on the other files
    "--full-index",  # abbreviated ids grow with the store; full ones let a bump merge 3-way
    "--no-encode-email-headers",  # names stay readable
    "--no-renames",  # similarity is a guess that another git version may make differently
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-base",
    "--no-attach",
    "--no-thread",
    "--diff-algorithm=myers",
    "--unified=3",
    "--inter-hunk-context=0",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--binary",
)


def format_patch(repo: Repo, parent_tree: str, tree: str, message: str) -> bytes:
    """Return the patch file that turns one tree into another, with this message."""
    base = repo.commit_tree(parent_tree, [], "base\n", date=PATCH_DATE, author_date=PATCH_DATE)
    commit = repo.commit_tree(tree, [base], message, date=PATCH_DATE, author_date=PATCH_DATE)
    return formatted(repo, commit)


def formatted(repo: Repo, commit: str) -> bytes:
    """Return one commit as a patch file."""
    text = repo.git(*_FORMAT, commit).stdout
    return (text.rstrip("\n") + "\n").encode("utf-8", "surrogateescape")


def patch_id(repo: Repo, diff: str) -> str:
    """Return git's stable id of a change; line numbers and the header do not enter it."""
    return repo.git("patch-id", "--stable", input=diff).stdout.split(" ")[0]
