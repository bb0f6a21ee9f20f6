#!/bin/sh
# Make the driver's own virtual environment: tools/bootstrap.sh build/venv
#
# All it takes from the host is a Python of 3.10 or newer with venv. On a Debian family system a
# missing one is installed when run as root, and named with its one command otherwise. Which
# index or mirror pip asks is the user's configuration.
set -eu

venv=$1
here=$(cd "$(dirname "$0")" && pwd)
oldest='3, 10'

die() {
    echo "error: $1" >&2
    shift
    for line in "$@"; do echo "  $line" >&2; done
    exit 1
}

# A usable Python: new enough, and with what `python -m venv` needs.
usable() { "$1" -c "import sys, venv, ensurepip; sys.exit(sys.version_info < ($oldest))" >/dev/null 2>&1; }

find_python() {
    for name in ${PYTHON:-} python3 python3.15 python3.14 python3.13 python3.12 python3.11 python3.10; do
        if usable "$name"; then
            echo "$name"
            return
        fi
    done
    return 1
}

parent=$(dirname "$venv")
mkdir -p "$parent" 2>/dev/null && [ -w "$parent" ] ||
    die "cannot write to the build directory $parent" "fix: make it writable, or set CPATCH_BUILD=/some/dir"

# Two at once would make one environment; the second waits, and finds it made.
if command -v flock >/dev/null; then
    exec 9>"$parent/.bootstrap-lock"
    flock -n 9 || { echo "waiting for another one to make $venv ..."; flock 9; }
    if [ "$venv/.stamp" -nt "$here/requirements.txt" ] && [ "$venv/.stamp" -nt "$0" ]; then exit; fi
fi

if ! python=$(find_python); then
    have=$(python3 -V 2>&1 || true)
    need="apt-get install -y python3 python3-venv"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "no Python >= 3.10 with venv here (${have:-none}); installing python3-venv, as root"
        export DEBIAN_FRONTEND=noninteractive
        # A fresh container has no package lists at all.
        apt-get update -q
        apt-get install -y -q --no-install-recommends python3 python3-venv
        python=$(find_python) || python=
    fi
    [ -n "${python:-}" ] || die "this needs Python 3.10 or newer with venv" \
        "got: ${have:-no python3}" "fix: sudo $need"
fi

# Kept when it still runs: new requirements are then a matter of seconds.
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    echo "making the driver's environment in $venv with $("$python" -V 2>&1)"
    rm -rf "$venv"
    "$python" -m venv "$venv" || die "python -m venv failed" "fix: sudo apt-get install -y python3-venv"
fi
log=$parent/bootstrap.log
if ! "$venv/bin/python" -m pip install --disable-pip-version-check --quiet \
    -r "$here/requirements.txt" >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    die "pip could not install tools/requirements.txt" "log: $log" \
        "fix: check the network, or point pip at a mirror with PIP_INDEX_URL"
fi

# The driver is run from the checkout, by path and not by PYTHONPATH, which every interpreter
# that is built and tested here would inherit. Below the checkout the path is a relative one: the
# checkout may be moved or copied.
"$venv/bin/python" - "$here" <<'END'
import os, sys, sysconfig
tools, site = (os.path.realpath(path) for path in (sys.argv[1], sysconfig.get_path("purelib")))
if site.startswith(os.path.dirname(tools) + os.sep):
    tools = os.path.relpath(tools, site)
with open(os.path.join(site, "cpatch.pth"), "w") as stream:
    stream.write(tools + "\n")
END
touch "$venv/.stamp"
