#!/bin/sh
# In a bare Debian: the wheel for its own Python. `make wheel ARGS="--try SUITE"` runs it there, in
# a folder that has the sdist, tests/, lines/ (of the servers' pages) and served.py; every step has
# to succeed.
set -eu
python=$1

say() { echo "== $*"; }

say "the interpreter, its headers and a compiler; and what uWSGI links"
# An archive may stand still, as a copy of a day does.
apt-get -o Acquire::Check-Valid-Until=false update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends \
    "$python" "$python-venv" "$python-dev" gcc libc6-dev libcrypt-dev >/dev/null
"$python" -VV

say build
"$python" -m venv tools
tools/bin/python -m pip wheel -q --no-deps --wheel-dir wheels immortal_heap-*.tar.gz
ls wheels

say its own tests
"$python" -m venv venv
venv/bin/pip install -q wheels/immortal_heap-*.whl
venv/bin/python -m unittest discover -s tests -t tests

say servers
"$python" served.py wheels/immortal_heap-*.whl lines served
