"""Interpreters of both trees that play a plan in place of regrtest, for tests of legs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from buildtoy import Toy, fake_program, make_toy
from cpatch.building import build, records

# Stands for an interpreter running regrtest: plays the file `plan`, one JSON object of test file
# -> how often it still fails (crashes, when negative), and writes a JUnit report.
PLAYER = """\
exec python3 - "$0" "$@" <<'END'
import json, pathlib, sys
me, args = pathlib.Path(sys.argv[1]), sys.argv[2:]
with open(me.parent / "calls", "a") as calls:
    calls.write(" ".join(args) + "\\n")
plan = json.loads((me.parent / "plan").read_text())
names = [name for name in plan if name in args] if "-x" not in args else []
names = names or [name for name in plan if name not in args]
report, bad = "", 0
for number, name in enumerate(names, 1):
    case = f"test.{name}.C.test_it"
    if plan[name] > 0:
        plan[name] -= 1
        bad += 1
        print(f"0:00:01 [{number}/{len(names)}] {name} failed (1 failure)")
        print(f"FAIL: test_it ({case})")
        report += f"<testcase name='{case}'><failure/></testcase>"
    elif plan[name] < 0:
        plan[name] += 1
        bad += 1
        print(f"0:00:01 [{number}/{len(names)}] {name} crashed (Exit code -11)")
    else:
        print(f"0:00:01 [{number}/{len(names)}] {name} passed")
        report += f"<testcase name='{case}'/>"
(me.parent / "plan").write_text(json.dumps(plan))
if "--junit-xml" in args:
    path = pathlib.Path(args[args.index("--junit-xml") + 1])
    path.write_text(f"<testsuites><testsuite>{report}</testsuite></testsuites>")
sys.exit(2 if bad else 0)
END
"""


class Stage:
    """Interpreters of both trees with a plan each, in place of built ones."""

    def __init__(self, toy: Toy) -> None:
        self.toy = toy
        self.flavors: list[tuple[str, str]] = []

    def plan(self, tree: str, **failures: int) -> None:
        home = self.toy.root / tree
        fake_program(home, "python", PLAYER)
        (home / "plan").write_text(json.dumps({"test_ok": 0, **failures}))

    def calls(self, tree: str) -> list[str]:
        path = self.toy.root / tree / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def listed(self, text: str) -> None:
        path = self.toy.root / "tools" / "expected" / "9.8-stock.txt"
        path.parent.mkdir(parents=True)
        path.write_text(text)

    def ensure_built(
        self, project: object, pin: object, tree: str, flavor: object, *, jobs: int
    ) -> records.Built:
        python = str(self.toy.root / tree / "python")
        return records.Built(python, "a" * 40, "b" * 40, "9.8.7", "cc", "", {})

    def run(self, capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, list[str]]:
        """Run legs, the suite when none is named; return the exit code and what was said."""
        code = self.toy.run("test", *(argv or ("--only", "suite")))
        return code, capsys.readouterr().out.splitlines()


def make_stage(root: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Return a stage with a toy project below *root*, where all passes."""
    stage = Stage(make_toy(root, monkeypatch))
    monkeypatch.setattr(build, "ensure_built", stage.ensure_built)
    for tree in ("stock", "patched"):
        stage.plan(tree)
    return stage
