"""The table of verbs, and the way from a command line through click to the verb's door.

Verb modules are imported when their verb is used, so that ``which`` and an up-to-date ``build``
do not pay for the HTTP client. Each module ``cpatch.verbs.<verb>`` has a click command ``command``.
"""

from __future__ import annotations

import importlib

import click

from cpatch.base.errors import EXIT_CODES, USAGE, CpatchError

#: In the order of the help text. A verb's one-line help is its docstring's first.
VERBS = (
    "doctor",
    "fetch",
    "apply",
    "status",
    "refresh",
    "lint",
    "diff",
    "bump",
    "build",
    "which",
    "install",
    "dist",
    "test",
    "bench",
    "report",
    "results",
    "audit",
    "servers",
    "fuzz",
    "packages",
    "compat",
    "variants",
    "wheel",
    "clean",
)


class VerbGroup(click.Group):
    """A click group that imports a verb's module only when that verb is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all verbs in the table's order."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one verb and return its command."""
        if cmd_name not in VERBS:
            return None
        command = importlib.import_module(f"cpatch.verbs.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Explain an unknown verb by the list of known ones."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            raise CpatchError(
                f"unknown verb {args[0]!r}",
                wanted=", ".join(VERBS),
                got=args[0],
                fix="make help",
                code=USAGE,
            )
        return super().resolve_command(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Document the exit codes, from the one table."""
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), text) for code, text in EXIT_CODES.items()])


@click.command(cls=VerbGroup, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Build a pinned CPython with this repository's overlay and patches."""


def call(argv: list[str]) -> int:
    """Run the verb that *argv* begins with and return the exit code; click shows what is misspelt.

    Raises CpatchError for what the verb could not do, and KeyboardInterrupt.
    """
    try:
        result = cli.main(args=argv, prog_name="cpatch", standalone_mode=False)
    except click.ClickException as exc:
        exc.show()
        return USAGE if isinstance(exc, click.UsageError) else exc.exit_code
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    return result if isinstance(result, int) else 0
