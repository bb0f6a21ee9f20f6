"""The door of the verb doctor: its options, and what it says."""

from __future__ import annotations

import os

import click

from cpatch.base import console
from cpatch.base.errors import CpatchError
from cpatch.base.project import Project
from cpatch.building.host import Finding, examine, install, install_command, is_debian, lacking
from cpatch.verbs.options import verbose_option


def _show(findings: list[Finding]) -> None:
    wide = max(len(finding.what) for finding in findings)
    for finding in findings:
        word = "found  " if finding.found else "MISSING"
        detail = finding.detail if finding.found else f"{finding.package}: {finding.detail}"
        console.say(f"{finding.what:<{wide}}  {word}  {detail}")


@click.command("doctor")
@click.option("--install", "do_install", is_flag=True, help="Install what is missing (root, apt).")
@verbose_option
def command(do_install: bool) -> None:
    """Say which host tools and headers are here and which are missing."""
    findings = examine(os.environ)
    missing = [finding for finding in findings if not finding.found]
    _show(findings)
    if missing and do_install:
        if os.geteuid() != 0 or not is_debian():
            raise CpatchError(
                "cannot install: not root on a Debian family system",
                fix=install_command(missing),
            )
        project = Project.find()
        install(missing, project.make_dir(project.build) / "doctor.log")
        missing = [finding for finding in examine(os.environ) if not finding.found]
    if missing:
        raise lacking(missing)
    console.say("everything a build needs is here")
