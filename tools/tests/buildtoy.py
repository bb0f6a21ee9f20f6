"""A toy upstream to configure and make in a second: no compiler, no network.

Its configure and Makefile leave behind what they were run with, and its "interpreter" is a shell
script that answers the driver's questions.
"""

from __future__ import annotations

import fcntl
import stat
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cpatch import cli
from cpatch.base.pin import Pin
from cpatch.base.pinfile import load_pins
from cpatch.base.project import Project
from cpatch.building import host, records
from cpatch.series import apply

VERSION = "9.8.7"

PINS = f"""\
default = "9.8"

["9.8"]
version = "{VERSION}"
tarball = "toy-{{version}}.tgz"
size = 1
sha256 = "{"0" * 64}"
urls = ["https://localhost/{{tarball}}"]
series = "series.9.8"
date = 1
"""

CONFIGURE = """\
#!/bin/sh
src=$(cd "$(dirname "$0")" && pwd)
echo configured >> log.configure
printf '%s\\n' "$*" > seen.arguments
env | grep -v '^_=' | sort > seen.environment
prefix=/usr/local
for word in "$@"; do case $word in --prefix=*) prefix=${word#--prefix=} ;; esac; done
[ -e "$src/configure-fails" ] && { echo "configure: error: toy says no" >&2; exit 77; }
sed -e "s|@SRC@|$src|g" -e "s|@ARGS@|$*|g" -e "s|@PREFIX@|$prefix|g" "$src/Makefile.in" > Makefile
"""

MAKEFILE = """\
SRC = @SRC@
GITVERSION = echo unset
OBJECTS = a.o b.o
all: python
%.o: $(SRC)/%.c
	@echo "cc -c $<"; env | sort > seen.make
	@test ! -e $(SRC)/$*-fails || { echo "$*.c:1: error: toy says no"; exit 1; }
	@test ! -e $(SRC)/$*-hangs || { touch $*-hung; sleep 60; }
	@test ! -e $(SRC)/$*-waits || touch $*-waiting
	@while test -e $(SRC)/$*-waits; do sleep 0.02; done
	@cp $< $@; echo $* >> log.compiled
Modules/getbuildinfo.o: $(OBJECTS)
	@mkdir -p Modules; $(GITVERSION) > $@
python: $(OBJECTS) Modules/getbuildinfo.o $(SRC)/answers
	@case '@ARGS@' in *--enable-optimizations*) \\
	test -e profile-run-stamp || date +%s%N > a.gcda;; esac
	@SRC=$(SRC) sh $(SRC)/answers '@ARGS@' > $@.new; chmod +x $@.new; mv $@.new $@
install: python
	@mkdir -p $(DESTDIR)@PREFIX@/bin $(DESTDIR)@PREFIX@/lib/python9.8/test
	@cp python $(DESTDIR)@PREFIX@/bin/python9.8; ln -sf python9.8 $(DESTDIR)@PREFIX@/bin/python3
	@echo "x = '@PREFIX@'" > $(DESTDIR)@PREFIX@/lib/python9.8/_sysconfigdata_.py
	@echo "$$SOURCE_DATE_EPOCH" > $(DESTDIR)@PREFIX@/lib/python9.8/date.py
	@pwd > $(DESTDIR)@PREFIX@/lib/python9.8/where.txt
	@test ! -e a.gcda || cp a.gcda $(DESTDIR)@PREFIX@/lib/python9.8/measured.py
"""

# Writes the "interpreter": a script that prints what check.py asks for.
ANSWERS = """\
debug=false; case "$1" in *--with-pydebug*) debug=true;; esac
cat <<END
#!/bin/sh
echo '{"version": "%s", "git": "$(cat Modules/getbuildinfo.o)", "debug": $debug,
"config_args": "$1", "missing": {}}' | tr -d '\\\\n'
END
"""


@dataclass
class Toy:
    """The toy project, and what a test wants to know about it."""

    root: Path
    project: Project
    pin: Pin
    tree_ids: dict[str, str] = field(
        default_factory=lambda: {"stock": "a" * 40, "patched": "b" * 40}
    )

    def source(self, tree: str = "patched") -> Path:
        return self.project.src(self.pin, tree)

    def obj(self, tree: str = "patched", flavor: str = "release") -> Path:
        return self.project.obj(self.pin, tree, flavor)

    def edit(self, name: str, text: str, tree: str = "patched") -> None:
        """Change the source as ensure_tree would: new content, new id."""
        (self.source(tree) / name).write_text(text)
        number = int(self.tree_ids[tree], 16) + 1
        self.tree_ids[tree] = f"{number:040x}"

    def lines(self, name: str, tree: str = "patched", flavor: str = "release") -> list[str]:
        """The lines of a file that configure or make left in the object directory."""
        path = self.obj(tree, flavor) / name
        return path.read_text().splitlines() if path.exists() else []

    def ensure_tree(self, project: Project, pin: Pin, tree: str) -> apply.Tree:
        source = self.source(tree)
        return apply.Tree(commit="c" * 40, tree_id=self.tree_ids[tree], path=source)

    def run(self, *argv: str) -> int:
        """Run the driver's command line; one job, so that what it compiles is in order."""
        one = ["-j1"] if argv[0] in ("build", "install", "dist") else []
        return cli.run([*argv, *one])

    def built(self, tree: str = "patched", flavor: str = "release") -> records.Built | None:
        return records.finished(self.obj(tree, flavor))


def make_toy(root: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """Lay out the toy project below *root* and point the driver at it."""
    (root / "patches").mkdir(parents=True)
    (root / "patches" / "upstream.toml").write_text(PINS)
    (root / "patches" / "series.9.8").touch()
    monkeypatch.setenv("CPATCH_ROOT", str(root))
    monkeypatch.setenv("CPATCH_BUILD", str(root / "build"))
    for name in ("CC", "CFLAGS", "LDFLAGS", "LAUNCHER", "MAKEFLAGS"):
        monkeypatch.delenv(name, raising=False)
    project = Project.find()
    toy = Toy(root, project, load_pins(project).get(None))
    for tree in ("stock", "patched"):
        source = toy.source(tree)
        source.mkdir(parents=True)
        files = {"configure": CONFIGURE, "Makefile.in": MAKEFILE, "a.c": "a\n", "b.c": "b\n"}
        files["answers"] = ANSWERS % VERSION
        (source / "Tools" / "gdb").mkdir(parents=True)
        files["Tools/gdb/libpython.py"] = "# py-bt\n"
        for name, text in files.items():
            (source / name).write_text(text)
        (source / "configure").chmod(0o755)
    monkeypatch.setattr(apply, "ensure_tree", toy.ensure_tree)
    monkeypatch.setattr(host, "ensure_host", lambda project, environ: None)
    return toy


def locked(directory: Path) -> bool:
    """Tell whether somebody, if only this process, is alone in a directory."""
    with (directory / ".cpatch-lock").open() as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def fake_program(directory: Path, name: str, body: str = "exit 0") -> Path:
    """Put an executable shell script on a directory meant for PATH."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return path
