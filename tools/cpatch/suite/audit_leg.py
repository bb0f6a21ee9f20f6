"""The leg of ``test`` that lets the auditor's own tests read the interpreter that was built.

``cowaudit`` reads the structures of a CPython from outside, so its tests run under that CPython:
what lies at the address of an object is known there. pytest, which is Python throughout, comes
from the driver's environment.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from cpatch.base.pin import Pin
from cpatch.base.project import Project
from cpatch.building import build, flavors
from cpatch.suite import pytest_runs


def runs(project: Project, pin: Pin, jobs: int, log: Path) -> Iterator[pytest_runs.Run]:
    """Yield the two runs of the tests.

    The second one audits the interpreter with the driver, which says who wrote and where.
    """
    built = build.ensure_built(project, pin, "patched", flavors.get("release"), jobs=jobs)
    env = flavors.changes(flavors.clean_environment(os.environ), os.environ)
    log.unlink(missing_ok=True)
    packages = sysconfig.get_path("purelib")
    rows = (
        ("cowaudit", built.python, {"PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1"}),
        ("audit", sys.executable, {"CPATCH_AUDITED": built.python}),
    )
    for name, python, more in rows:
        yield pytest_runs.Run(
            title=f"test audit: {name} on {pin.branch}",
            python=python,
            tests=f"tools/tests/{name}",
            cwd=project.root,
            env={**env, **more},
            log=log,
            junit=log.with_name(f"{log.stem}-{name}.xml"),
        )
