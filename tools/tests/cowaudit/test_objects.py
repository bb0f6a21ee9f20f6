"""objects and places: on this very process, whose objects are known."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

import pytest
from cowaudit import layouts, objects, pagemap
from cowaudit.memory import Memory
from cowaudit.objects import Objects
from cowaudit.places import Places

PAGE = pagemap.PAGE

HERE = layouts.of(*sys.version_info[:2], sys.abiflags)
known_layout = pytest.mark.skipif(HERE is layouts.PLAIN, reason="not one of the pins' CPythons")


@pytest.fixture
def here() -> Iterator[Places]:
    """What lies where in this process."""
    with contextlib.closing(Memory(os.getpid())) as memory:
        known = Objects(memory, id(type), HERE)
        yield Places(pagemap.maps(os.getpid()), known, None)


class Slotted:
    __slots__ = ("a", "b")


class Plain:
    def __init__(self) -> None:
        self.a = 1


KEEP = [Slotted() for _ in range(5)] + [Plain() for _ in range(5)]

FUNCTION = lambda: None  # noqa: E731 - any function will do
TEXT, BYTES, LARGE = f"text {os.getpid()}", os.urandom(20), 10**30 + os.getpid()
TUPLE, LIST, DICT = (TEXT, BYTES), [TEXT, BYTES], {TEXT: BYTES, BYTES: TEXT}

# Beyond 32 MiB, malloc maps a block by itself, whatever was freed before (mallopt(3)).
BIG = (None,) * 5_000_000


def word(address: int) -> int:
    return int(ctypes.c_uint64.from_address(address).value)


@known_layout
class TestObjects:
    @pytest.mark.parametrize(
        ("value", "name"),
        [
            (TEXT, "str"),
            (BYTES, "bytes"),
            (LARGE, "int"),
            (TUPLE, "tuple"),
            (LIST, "list"),
            (DICT, "dict"),
            (KEEP[2], "Slotted"),
            (KEEP[7], "Plain"),
            (FUNCTION, "function"),
        ],
        ids=range(9),
    )
    def test_first_word_is_the_reference_count(self, here: Places, value, name) -> None:
        spot = here.spot(id(value))
        assert (spot.kind, spot.owner) == (objects.REFCOUNT, name)
        assert here.spot(id(value) + 8).field == "type"

    @pytest.mark.parametrize("value", [TUPLE, LIST, DICT, KEEP[2], KEEP[7]])
    def test_before_it_is_the_collectors(self, here: Places, value) -> None:
        assert here.spot(id(value) - 16).kind == objects.GC_HEAD
        assert here.spot(id(value) - 1).kind == objects.GC_HEAD

    @pytest.mark.parametrize(
        ("value", "offset", "text"),
        [
            (TEXT, 24, "str.hash"),
            (BYTES, 24, "bytes.hash"),
            (TUPLE, tuple.__basicsize__, "tuple.items"),
            (LIST, 24, "list.items pointer"),
            (DICT, 16, "dict.used"),
            (LARGE, 24, "int.digits"),
            (KEEP[2], 16, "Slotted.+16"),
        ],
        ids=range(7),
    )
    def test_fields_have_names(self, here: Places, value, offset, text) -> None:
        spot = here.spot(id(value) + offset)
        assert (spot.kind, spot.text) == (objects.FIELD, text)

    def test_tables_belong_to_nobody(self, here: Places) -> None:
        assert here.spot(word(id(LIST) + 24)).kind == objects.TABLE
        keys = here.spot(word(id(DICT) + 32))
        assert sys.version_info < (3, 11) or keys.kind == objects.KEYS

    def test_types_and_what_they_hold(self, here: Places) -> None:
        assert here.spot(id(Plain)).owner == "type"
        assert here.spot(id(Plain)).kind == objects.REFCOUNT
        assert here.spot(id(Plain) + 384).text == "type.version tag"

    def test_static_objects(self, here: Places) -> None:
        for value, name in ((dict, "type"), (None, "NoneType"), (7, "int")):
            spot = here.spot(id(value))
            assert (spot.kind, spot.owner) == (objects.REFCOUNT, f"static {name}")
            assert here.area(id(value)) == "image"

    @pytest.mark.skipif(sys.version_info < (3, 11), reason="code lies elsewhere")
    def test_code(self, here: Places) -> None:
        code = TestObjects.test_code.__code__
        assert here.spot(id(code)).text == "code"
        warm_up = {(3, 11): "code.warm-up counter"}.get(sys.version_info[:2], "code.counts")
        assert here.spot(id(code) + 52).text == warm_up
        assert here.spot(id(code) + type(code).__basicsize__).kind == objects.CODE

    @pytest.mark.skipif(sys.version_info < (3, 14), reason="counts take the whole word")
    def test_flags_are_beside_the_count(self, here: Places) -> None:
        for value, name in ((TEXT, "str"), (None, "static NoneType")):
            assert here.spot(id(value) + 3).kind == objects.REFCOUNT
            spot = here.spot(id(value) + 6)
            assert (spot.kind, spot.text) == (objects.FIELD, f"{name}.flags")

    @pytest.mark.skipif(sys.version_info < (3, 14), reason="tuples do not keep their hash")
    def test_the_hash_of_a_tuple(self, here: Places) -> None:
        assert here.spot(id(TUPLE) + 24).text == "tuple.hash"

    def test_what_lies_in_front_of_an_instance(self, here: Places) -> None:
        before = {-32: "values pointer", -24: "dict pointer"}
        if sys.version_info >= (3, 14):
            before = {-32: "weak references", -24: "dict pointer"}
            assert here.spot(id(KEEP[7]) + 24).text == "Plain.inline values"
        if sys.version_info >= (3, 11):
            for offset, name in before.items():
                assert here.spot(id(KEEP[7]) + offset).text == f"Plain.{name}"

    @pytest.mark.parametrize("kind", [list, dict])
    def test_objects_kept_for_reuse_are_free(self, here: Places, kind) -> None:
        made = [kind() for _ in range(60)]
        places = [id(each) for each in made]
        made.clear()
        for place in places:  # as they are now, before one of them is taken again
            here.objects.memory.page(place)
        assert [here.spot(place).kind for place in places].count(objects.FREE) > 50

    def test_free_blocks_and_pool_headers(self, here: Places) -> None:
        # Many of one size, of which every second is freed again.
        made = [os.urandom(200) for _ in range(1000)]
        places = [id(each) for each in made]
        del made[::2]
        # (What runs from here on takes a few.)
        kinds = [here.spot(place).kind for place in places[::2]]
        assert kinds.count(objects.FREE) > 480
        assert all(here.spot(id(each)).kind == objects.REFCOUNT for each in made)
        pool = id(made[0]) // 16384 * 16384
        assert here.spot(pool + 8).kind == objects.POOL
        assert here.spot(pool + 48).kind != objects.POOL

    def test_malloc(self, here: Places) -> None:
        # Beyond pymalloc, below what malloc maps by itself: in the heap, between its chunks.
        data = [bytearray(5000) for _ in range(3)]
        start = ctypes.addressof(ctypes.c_char.from_buffer(data[1]))
        if here.area(start) == "heap":
            assert here.spot(start).kind == objects.BLOCK
            assert here.spot(start - 8).kind == objects.CHUNK
        assert here.spot(id(data[1])).owner == "bytearray"

    def test_big_blocks(self, here: Places) -> None:
        assert here.spot(id(BIG)).owner == "tuple"
        assert here.spot(id(BIG) + 800_000).text == "tuple.items"

    def test_symbols(self, here: Places) -> None:
        found = here.symbol(
            ctypes.cast(ctypes.pythonapi.PyList_New, ctypes.c_void_p).value or 0  # a function
        )
        assert found == ("PyList_New", 0)
        assert here.symbol(id(list)) == ("PyList_Type", 0)
        assert here.symbol(id(KEEP)) is None


class FakeMemory:
    """Memory of which a few words are known."""

    def __init__(self, words: dict[int, int]) -> None:
        self.words = words

    def word(self, address: int) -> int:
        return self.words.get(address, 0)

    def text(self, address: int) -> str:
        return {0x900: "module.Thing"}[address]


def test_static_objects_end_somewhere(monkeypatch) -> None:
    # At 0x10100 lies an object of 24 bytes; a pointer to its type at 0x10208 makes no object.
    kind, static = 0x20000, 0x10000
    words = {kind + 8: kind, kind + 24: 0x900, kind + 32: 24, kind + 8 + 16: 0x900}
    words |= {static + 0x100: 3, static + 0x108: kind, static + 0x208: kind}
    known = Objects(FakeMemory(words), kind, layouts.PLAIN)  # type: ignore[arg-type]
    mapping = pagemap.Mapping(static, static + PAGE, "rw-p", 0, 1, "/bin/thing")
    places = Places([mapping], known, None)
    monkeypatch.setattr(places, "symbol", lambda address: ("static_data", address - static))
    assert places.spot(static + 0x100).text == "static Thing"
    assert places.spot(static + 0x110).text == "static Thing.+16"
    for offset in (0x118, 0x180, 0x210):
        spot = places.spot(static + offset)
        assert (spot.kind, spot.text) == (objects.STATIC, "thing.static_data")
