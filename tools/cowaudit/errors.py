"""What an audit refuses to do, explained; the driver's verb shows it as one of its own errors."""

from __future__ import annotations


class AuditError(Exception):
    """A failure explained to the user: what, what was wanted, what was there, the way out."""

    def __init__(
        self,
        what: str,
        *,
        wanted: str | None = None,
        got: str | None = None,
        fix: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.wanted = wanted
        self.got = got
        self.fix = fix
