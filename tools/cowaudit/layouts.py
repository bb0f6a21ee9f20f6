"""Where each supported CPython keeps what, on 64 bits: one row of the table for each version.

What is the same for all of them (a type at 8, its flags at 168, pymalloc's pools) stands with what
reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cowaudit.fields import FIELDS_3_11, FIELDS_3_14

#: What the first word of an object begins with, in ``Layout.header``.
COUNT = "reference count"


@dataclass(frozen=True)
class Frames:
    """How the Python line of a thread is found: offsets in four structures.

    ``current`` leads from a thread's state to its frame, one pointer after another. ``tags`` are
    the bits of a frame's reference to its code that are no part of the address. ``texts`` says
    where the characters of a string begin, of an ASCII one and of others.
    """

    # PyThreadState
    previous: int
    following: int
    native_id: int
    current: tuple[int, ...]
    # _PyInterpreterFrame
    code: int
    back: int
    instruction: int
    tags: int
    # PyCodeObject
    first_line: int
    filename: int
    qualname: int
    lines: int
    body: int
    # PyASCIIObject, PyCompactUnicodeObject
    texts: tuple[int, int]


@dataclass(frozen=True)
class Layout:
    """One CPython's structures.

    ``header`` names the parts of an object's first word. That word is a reference count when what
    ``count_bits`` leaves of it is in one of the ranges ``counts``; else the object is kept for
    reuse. ``before`` names what lies in front of the GC header. With ``inline_values`` there are
    attributes behind an object. ``chunks`` is where in a thread's state the memory of its frames
    is listed; None where frames are not read.
    """

    fields: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    header: Mapping[int, str] = field(default_factory=lambda: {0: COUNT})
    count_bits: int = (1 << 64) - 1
    counts: Sequence[tuple[int, int]] = ((1, 1 << 62),)
    before: Mapping[int, str] = field(default_factory=dict)
    inline_values: bool = False
    chunks: int | None = None
    frames: Frames | None = None

    def counted(self, word: int) -> bool:
        """Tell whether a first word is that of an object that is alive."""
        count = word & self.count_bits
        return any(low <= count < high for low, high in self.counts)


_3_11 = Layout(
    fields=FIELDS_3_11,
    # The second range is that of immortal objects, which what knows nothing of them still counts.
    counts=((1, 1 << 40), (1 << 56, 1 << 62)),
    before={-32: "values pointer", -24: "dict pointer"},
    chunks=296,
    frames=Frames(
        previous=0,
        following=8,
        native_id=160,
        current=(56, 8),
        code=32,
        back=48,
        instruction=56,
        tags=0,
        first_line=72,
        filename=112,
        qualname=128,
        lines=136,
        body=184,
        texts=(48, 72),
    ),
)

_3_14 = Layout(
    fields=FIELDS_3_14,
    header={0: COUNT, 4: "overflow of the count", 6: "flags"},
    # Without the flags. Where objects are kept for reuse each has a pointer to the next one, and a
    # pointer has something in the count's overflow.
    count_bits=(1 << 48) - 1,
    counts=((1, 1 << 32),),
    before={-32: "weak references", -24: "dict pointer"},
    inline_values=True,
    chunks=232,
    frames=Frames(
        previous=0,
        following=8,
        native_id=160,
        current=(72,),
        code=0,
        back=8,
        instruction=56,
        tags=3,
        first_line=68,
        filename=112,
        qualname=128,
        lines=136,
        body=208,
        texts=(40, 56),
    ),
)

#: The first is no pin's. It is here for a server that looks at itself, which needs no frames.
LAYOUTS: dict[tuple[int, int], Layout] = {
    (3, 10): replace(_3_11, chunks=None, frames=None),
    (3, 11): _3_11,
    (3, 14): _3_14,
}

#: Of any other: which memory is in use and by objects of which type, but no names of fields.
PLAIN = Layout()


def of(major: int, minor: int, abiflags: str = "") -> Layout:
    """Return the layout of a CPython by its version and its ``sys.abiflags``."""
    # Without the GIL ("t") objects have another header.
    return PLAIN if "t" in abiflags else LAYOUTS.get((major, minor), PLAIN)
