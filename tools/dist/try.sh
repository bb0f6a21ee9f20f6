#!/bin/sh
# In a bare system: what users do with the tarball python.tar.gz. `make dist ARGS="--try SUITE"`
# runs it there; every step has to succeed.
set -eu

say() { echo "== $*"; }

say unpack, and move: a blank in the path
mkdir -p "/srv/first place"
tar -xf python.tar.gz -C "/srv/first place"
"/srv/first place/"*/bin/python3 -c 'import sys; print(sys.version)'
mv "/srv/first place/"* /srv/moved
py=/srv/moved/bin/python3

say each file is what the manifest says
$py /srv/moved/share/*/verify.py /srv/moved

say all modules, with their libraries
$py -W ignore - <<'END'
import glob, importlib, os
for path in sorted(glob.glob("/srv/moved/lib/python3*/lib-dynload/*.so")):
    importlib.import_module(os.path.basename(path).partition(".")[0])
for name in "ssl sqlite3 ctypes lzma bz2 zlib readline curses curses.panel dbm.gnu uuid".split():
    importlib.import_module(name)
import ctypes, hashlib, sqlite3, ssl, uuid
assert ssl.create_default_context().minimum_version
assert sqlite3.connect(":memory:").execute("select 6 * 7").fetchone() == (42,)
assert ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda x: x + 1)(41) == 42
outside = {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line and "/srv/" not in line}
print("of the system:", *sorted(map(os.path.basename, outside)))
assert all(os.path.basename(path).startswith(("ld-", "libc.", "libm.", "libcrypt.", "libgcc_s", "libdl", "libpthread",
           "librt", "libutil", "libresolv")) for path in outside), outside
END

say sysconfig knows where it is
$py - <<'END'
import os, sys, sysconfig
values = {k: v for k, v in sysconfig.get_config_vars().items() if isinstance(v, str)}
assert not [k for k, v in values.items() if "/relocatable" in v]
for name in ("INCLUDEPY", "LIBDEST", "LIBPL", "BINDIR", "DESTSHARED"):
    assert values[name].startswith("/srv/moved/") and os.path.isdir(values[name]), name
assert os.path.exists(sysconfig.get_config_h_filename())
assert os.path.exists(sysconfig.get_makefile_filename())
assert sys.prefix == "/srv/moved"
END
"$py-config" --includes
"$py-config" --includes | grep -q /srv/moved/include
if grep -rlI /relocatable/python /srv/moved/bin | grep -v -e '-config$'; then exit 1; fi
/srv/moved/bin/pip3 --version | grep -q /srv/moved
/srv/moved/bin/pydoc3 -h >/dev/null

say pip, venv, ensurepip
/srv/moved/bin/pip3 install -q --root-user-action ignore markupsafe
$py -c 'import markupsafe._speedups'
$py -m pip check
$py -m venv v1
v1/bin/pip install -q markupsafe
v1/bin/python -c 'import markupsafe._speedups, sys; assert sys.prefix != sys.base_prefix'
$py -m venv --without-pip v2
v2/bin/python -m ensurepip >/dev/null
v2/bin/python -m pip --version

say uv, virtualenv, tox, pipx
$py -m venv tools
tools/bin/pip install -q uv virtualenv tox pipx
tools/bin/uv venv -q --python $py v3
tools/bin/uv pip install -q --python v3/bin/python markupsafe
v3/bin/python -c 'import markupsafe._speedups'
tools/bin/virtualenv -q -p $py v4
v4/bin/pip install -q markupsafe
v4/bin/python -c 'import markupsafe._speedups'
mkdir -p project
cat >project/tox.ini <<'END'
[tox]
env_list = py
no_package = true
[testenv]
deps = markupsafe
commands = python -c "import markupsafe._speedups, gc; print(gc)"
END
(cd project && ../tools/bin/tox -q)
tools/bin/pipx install -q --python $py cowsay
"$HOME/.local/bin/cowsay" -t moved

if ls /srv/moved/lib/libpython3.*.so >/dev/null 2>&1; then
    say PyInstaller, which wants the shared library: its program runs without the tree
    apt-get -q update >/dev/null
    apt-get -q install -y --no-install-recommends binutils >/dev/null
    $py -m venv freeze
    freeze/bin/pip install -q pyinstaller
    cat >hello.py <<'END'
import ctypes, gc, sqlite3, ssl, sys, zlib
getattr(gc, "immortalize_heap", gc.collect)()
print("hello from", sys.version, "with", ssl.OPENSSL_VERSION, "frozen:", sys.frozen)
END
    freeze/bin/pyinstaller --onefile hello.py >pyinstaller.log 2>&1 || { cat pyinstaller.log; exit 1; }
    mv /srv/moved /srv/away
    env -i dist/hello
    mv /srv/away /srv/moved
fi

say the bill of materials fits its schema
$py -m venv bill
bill/bin/pip install -q 'cyclonedx-python-lib[json-validation]'
bill/bin/python - <<'END'
import glob
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
(path,) = glob.glob("/srv/moved/share/*/sbom.cdx.json")
wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(path).read())
assert wrong is None, wrong
END

$py -c 'import gc; gc.immortalize_heap' 2>/dev/null || { say stock: no heap to share; exit 0; }
say the four commands of README.md, as a new user
useradd -m -s /bin/sh newcomer
mkdir "/home/newcomer/a shop"
cp python.tar.gz "/home/newcomer/a shop/immortal-python-tried.tar.gz"
cp newcomer.sh workers.py README.md /home/newcomer/
chown -R newcomer /home/newcomer
su newcomer -c 'cd && sh newcomer.sh'
say all is well
