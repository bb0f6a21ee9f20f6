"""What an interpreter itself says of where things lie: ``_Py_DebugOffsets``, since 3.13.

It stands at the beginning of ``_PyRuntime``: a cookie, the version, then one number for each of the
fields below, each an offset or a size.
"""

from __future__ import annotations

import struct
from dataclasses import replace

from cowaudit.layouts import Layout
from cowaudit.memory import Memory

_COOKIE = b"xdebugpy"

#: (major, minor) -> the groups in their order, up to the last one of which something is used.
_GROUPS = {
    (3, 14): {
        "about": "free_threaded",
        "runtime": "size finalizing interpreters_head",
        "interpreter": "size id next threads_head threads_main gc imports_modules sysdict builtins "
        "ceval_gil gil_state gil_state_enabled gil_state_locked gil_state_holder "
        "code_object_generation tlbc_generation",
        "thread": "size prev next interp current_frame thread_id native_thread_id datastack_chunk "
        "status",
        "frame": "size previous executable instr_ptr localsplus owner stackpointer tlbc_index",
        "code": "size filename name qualname linetable firstlineno argcount localsplusnames "
        "localspluskinds co_code_adaptive co_tlbc",
        "object": "size ob_type",
        "type": "size tp_name tp_repr tp_flags",
        "tuple": "size ob_item ob_size",
        "list": "size ob_item ob_size",
        "set": "size used table mask",
        "dict": "size ma_keys ma_values",
        "float": "size ob_fval",
        "long": "size lv_tag ob_digit",
        "bytes": "size ob_size ob_sval",
        "unicode": "size state length asciiobject_size",
    }
}


def told(memory: Memory, runtime: int) -> dict[str, int]:
    """Return what the ``_PyRuntime`` at an address says, as 'group.field'; {} for nothing known."""
    head = memory.bytes(runtime, 16) if runtime else b""
    if len(head) < 16 or head[:8] != _COOKIE:
        return {}
    version = int.from_bytes(head[8:], "little")
    groups = _GROUPS.get((version >> 24, version >> 16 & 255), {})
    names = [f"{group}.{name}" for group, text in groups.items() for name in text.split()]
    data = memory.bytes(runtime + 16, 8 * len(names))
    if len(data) < 8 * len(names):
        return {}
    return dict(zip(names, struct.unpack(f"={len(names)}Q", data), strict=True))


def corrected(layout: Layout, said: dict[str, int]) -> Layout:
    """Return a layout in which what the interpreter says goes before what the table says."""
    if not said or layout.frames is None:
        return layout
    frames = replace(
        layout.frames,
        previous=said["thread.prev"],
        following=said["thread.next"],
        native_id=said["thread.native_thread_id"],
        current=(said["thread.current_frame"],),
        code=said["frame.executable"],
        back=said["frame.previous"],
        instruction=said["frame.instr_ptr"],
        first_line=said["code.firstlineno"],
        filename=said["code.filename"],
        qualname=said["code.qualname"],
        lines=said["code.linetable"],
        body=said["code.co_code_adaptive"],
        texts=(said["unicode.asciiobject_size"], layout.frames.texts[1]),
    )
    return replace(layout, chunks=said["thread.datastack_chunk"], frames=frames)
