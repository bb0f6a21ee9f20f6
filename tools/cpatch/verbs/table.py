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


class _Arguments(click.HelpFormatter):
    """Help that shows what a verb takes as make is given it."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the line of usage."""
        super().write_usage(prog, f'ARGS="{args}"', prefix)


class _VerbContext(click.Context):
    """What click knows of a verb, which is typed with make: there is no program ``cpatch``."""

    formatter_class = _Arguments

    @property
    def command_path(self) -> str:
        """How the verb is typed."""
        return f"make {self.info_name}"


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
        command.context_class = _VerbContext
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


@click.command(
    cls=VerbGroup, no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]}
)
def cli() -> None:
    """Build a pinned CPython with this repository's overlay and patches."""


def call(argv: list[str]) -> int:
    """Run the verb that *argv* begins with and return the exit code.

    Raises CpatchError for what is misspelt and what the verb could not do, and KeyboardInterrupt.
    """
    try:
        result = cli.main(args=argv, prog_name="python -m cpatch", standalone_mode=False)
    except click.ClickException as exc:
        raise _explained(exc, argv[0] if argv and argv[0] in VERBS else None) from exc
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    return result if isinstance(result, int) else 0


def _explained(exc: click.ClickException, verb: str | None) -> CpatchError:
    """Return a complaint of click's as one of ours; *verb* is None when no verb was named."""
    what = exc.format_message().rstrip(".")
    return CpatchError(
        f"make {verb}: {what[:1].lower()}{what[1:]}" if verb else what,
        fix=f"make {verb} ARGS=--help" if verb else "make help",
        code=USAGE if isinstance(exc, click.UsageError) else exc.exit_code,
    )
