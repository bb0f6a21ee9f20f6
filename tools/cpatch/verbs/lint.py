"""The door of the verb lint: its options, and what it says."""

from __future__ import annotations

import click

from cpatch.base import console
from cpatch.base.errors import USAGE, CpatchError
from cpatch.base.pinfile import load_pins
from cpatch.base.project import Project
from cpatch.series.lint import RULES, lint
from cpatch.verbs.options import pin_option, verbose_option


@click.command("lint")
@pin_option
@verbose_option
@click.option("--all-pins", is_flag=True, help="Check the series of every pin.")
@click.option("--rules", is_flag=True, help="List the rules and do nothing.")
def command(pin_name: str | None, all_pins: bool, rules: bool) -> None:
    """Check series, headers, the overlay's add-only rule, and that refresh changes nothing."""
    if rules:
        for rule, text in RULES.items():
            console.field(rule, text)
        return
    project = Project.find()
    pins = load_pins(project)
    chosen = list(pins.table.values()) if all_pins else [pins.get(pin_name)]
    findings = list(dict.fromkeys(lint(project, pins, chosen)))
    for finding in findings:
        console.say(str(finding))
    fatal = sum(finding.fatal for finding in findings)
    if fatal:
        raise CpatchError(f"lint: {fatal} finding(s)", fix="see patches/README.md", code=USAGE)
    warned = f", {len(findings)} warning(s)" if findings else ""
    console.say(f"lint     {', '.join(p.branch for p in chosen)}: clean{warned}")
