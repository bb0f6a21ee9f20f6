"""Build the extension whose objects work in their deallocator, for one interpreter."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

from exitfuzz.run import environment

SOURCE = Path(__file__).with_name("extension.c")
_ASK = """
import json, os, sysconfig
var = sysconfig.get_config_var
# Under a sanitizer what the extension does with the interpreter's memory is to be seen, too.
flags = [word for word in (var("BASECFLAGS") or "").split() if word.startswith("-fsanitize")]
print(json.dumps([var("CC") or "cc", flags, [sysconfig.get_path("include"),
                  os.path.dirname(sysconfig.get_config_h_filename())]]))
"""


def compiled(python: str, target: Path) -> Path | None:
    """Compile ``fzext`` with the headers of *python* into *target*; None where that cannot be.

    Without it the programs lack the blocks that need it; the caller says so.
    """
    asked = subprocess.run(
        [python, "-c", _ASK], env=environment(), capture_output=True, text=True, check=False
    )
    if asked.returncode:
        return None
    compiler, flags, includes = json.loads(asked.stdout)
    target.mkdir(parents=True, exist_ok=True)
    library = target / "fzext.so"
    command = [*shlex.split(compiler), "-shared", "-fPIC", "-O1", "-fno-strict-aliasing"]
    command += flags
    command += [f"-I{directory}" for directory in includes]
    try:
        done = subprocess.run(
            [*command, str(SOURCE), "-o", str(library)], capture_output=True, check=False
        )
    except OSError:
        return None
    return library if done.returncode == 0 else None
