"""layouts and offsets: what the tables say, against what an interpreter says of itself."""

from __future__ import annotations

import contextlib
import ctypes
import linecache
import os
import struct
import sys
import threading
from pathlib import Path

import pytest
from cowaudit import frames, layouts, offsets
from cowaudit.memory import Memory

HERE = layouts.of(*sys.version_info[:2], sys.abiflags)
tells = pytest.mark.skipif(
    HERE.frames is None or sys.version_info < (3, 13), reason="says nothing of itself"
)


def runtime() -> int:
    return ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))


def test_what_is_not_in_the_table_has_no_names() -> None:
    assert layouts.of(3, 11).fields["tuple"][24] == "items"
    assert layouts.of(3, 14).fields["tuple"][24] == "hash"
    assert layouts.of(3, 14, "t") is layouts.of(3, 12) is layouts.PLAIN


def test_counts() -> None:
    old, new = layouts.of(3, 11), layouts.of(3, 14)
    for word in (1, 1 << 30):
        assert old.counted(word)
        assert new.counted(word)
    assert old.counted(1 << 60)
    assert new.counted(5 << 48 | 3 << 30)  # static and immortal
    assert not new.counted(5 << 48)
    for pointer in (0x5555_1234_5678, 0x7F00_1234_5678):
        assert not old.counted(pointer)
        assert not new.counted(pointer)


@tells
def test_the_table_is_what_the_interpreter_says() -> None:
    with contextlib.closing(Memory(os.getpid())) as memory:
        said = offsets.told(memory, runtime())
        assert said["object.ob_type"] == 8
        assert said["type.tp_name"] == 24
        assert said["type.tp_flags"] == 168
        fields = {"tuple.ob_item": "items", "list.ob_item": "items pointer"}
        fields |= {"dict.ma_keys": "keys pointer", "dict.ma_values": "values pointer"}
        fields |= {"set.table": "table pointer", "set.mask": "mask", "long.ob_digit": "digits"}
        for name, field in fields.items():
            kind = name.partition(".")[0].replace("long", "int")
            assert HERE.fields[kind][said[name]] == field
        assert offsets.corrected(HERE, said) == HERE


def test_what_says_nothing_changes_nothing() -> None:
    data = ctypes.create_string_buffer(b"no cookie" * 100)
    other = ctypes.create_string_buffer(b"xdebugpy" + struct.pack("=Q", 0x030F0000) + bytes(999))
    with contextlib.closing(Memory(os.getpid())) as memory:
        for place in (0, ctypes.addressof(data), ctypes.addressof(other)):
            assert offsets.told(memory, place) == {}
    row = layouts.of(3, 14)
    assert offsets.corrected(row, {}) is row


@pytest.mark.skipif(HERE.frames is None, reason="frames are read of the pins' CPythons")
def test_the_line_of_a_thread() -> None:
    ctypes.pythonapi.PyThreadState_Get.restype = ctypes.c_void_p
    main = ctypes.pythonapi.PyThreadState_Get()
    ready, end = threading.Event(), threading.Event()
    numbers = []

    def waits() -> None:
        numbers.append(threading.get_native_id())
        ready.set()
        [end.wait() for _ in range(1)]

    thread = threading.Thread(target=waits)
    thread.start()
    ready.wait()
    try:
        with contextlib.closing(Memory(os.getpid())) as memory:
            reader = frames.Frames(memory, main, id(type(waits.__code__)), HERE.frames)
            here = reader.line(os.getpid())
            assert here is not None
            # The reader itself, reading.
            assert (Path(here.file).name, here.function) == ("memory.py", "Memory.now")
            assert linecache.getline(here.file, here.line).strip().startswith("return os.pread")
            there = reader.line(numbers[0])
            assert there is not None
            assert there.file == threading.__file__
            assert there.function.rpartition(".")[2] in ("wait", "__enter__", "acquire")
            assert reader.line(1) is None
    finally:
        end.set()
        thread.join()
