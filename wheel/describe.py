"""Say which interpreter this is: print the extension module's name, write what C needs to know.

    python describe.py DIRECTORY

Fails, with a reason on stderr, where there is no extension for it.
"""

import pathlib
import sys
import sysconfig

#: From 3.14.5 on the collector has the lists that the sources are about; before, it was another.
#: 3.15 has other instructions.
FIRST, LATER = (3, 14, 5), (3, 15)


def main() -> None:
    """Write the header with the names of the standard library's modules; print the name."""
    info = sys.version_info
    if sys.implementation.name != "cpython" or not FIRST <= info[:3] < LATER:
        sys.exit(f"immortal-heap is for CPython {'.'.join(map(str, FIRST))} and later ones of that "
                 f"branch, and found {sys.implementation.name} {sys.version.split()[0]}")
    if sysconfig.get_config_var("Py_GIL_DISABLED") or sysconfig.get_config_var("Py_DEBUG"):
        sys.exit("immortal-heap needs a release build with the GIL, and found another")
    lines = [f'    "{name}",' for name in sorted(sys.stdlib_module_names)]
    header = pathlib.Path(sys.argv[1], "stdlib_module_names.h")
    header.write_text(
        "\n".join(["static const char *const _Py_stdlib_module_names[] = {", *lines, "};", ""]),
        encoding="ascii",
    )
    kind = {"alpha": "a", "beta": "b", "candidate": "rc"}.get(info.releaselevel)
    tail = f"{kind}{info.serial}" if kind else ""
    print(f"_heap_{info.major}_{info.minor}_{info.micro}{tail}")


if __name__ == "__main__":
    main()
