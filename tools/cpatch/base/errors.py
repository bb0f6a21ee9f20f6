"""The one exception the driver raises on purpose, and the exit codes it may carry."""

from __future__ import annotations

from cpatch.base import console

USAGE = 2
CONFLICT = 3
REGRESSION = 4
FAILURE = 1

#: Shown by ``python -m cpatch --help``; this table is the only documentation of the codes.
EXIT_CODES = {
    0: "everything asked for is done",
    FAILURE: "something failed: network, disk, compiler, results that are no fair comparison, "
    "a refusal to lose work",
    USAGE: "wrong usage, a bad pin file, or lint findings",
    CONFLICT: "a patch of the series does not apply",
    REGRESSION: "test: something fails that is not a listed failure of stock; bench: a benchmark "
    "fails on patched and not on stock (report says so in its text, and exits with 0)",
    130: "interrupted",
}


class CpatchError(Exception):
    """A failure explained to the user: what, wanted and got where they exist, and the way out.

    Only ``cli.main`` prints it. ``code`` is the exit code, one of ``EXIT_CODES``.
    """

    def __init__(
        self,
        what: str,
        *,
        wanted: str | None = None,
        got: str | None = None,
        fix: str | None = None,
        code: int = FAILURE,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.wanted = wanted
        self.got = got
        self.fix = fix
        self.code = code

    def render(self) -> str:
        """Return the message as shown on stderr; continuation lines are aligned."""
        rows = [("error:", self.what)]
        if self.wanted is not None:
            rows.append(("  wanted", self.wanted))
        if self.got is not None:
            rows.append(("  got   ", self.got))
        if self.fix is not None:
            rows.append(("  fix:  ", console.typed(self.fix)))
        out = []
        for label, text in rows:
            first, *rest = text.split("\n")
            out.append(f"{label} {first}")
            out.extend(f"         {line}" if line else "" for line in rest)
        return "\n".join(out)
