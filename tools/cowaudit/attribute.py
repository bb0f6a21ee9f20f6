"""From pages to answers: what each written page held, what the first store hit, who stored."""

from __future__ import annotations

import struct
from collections import Counter
from typing import Any

from cowaudit.memory import Memory
from cowaudit.objects import OF_OBJECTS, SAME, Spot
from cowaudit.pagemap import PAGE, Snapshot
from cowaudit.places import Places
from cowaudit.tracer import Store, Tracer

#: How long a function is at most that does nothing but hand on, in bytes.
_SHORT = 32

#: Changed words of one page that are looked at, evenly spread.
_LOOKS = 64


def pages(
    before: Snapshot,
    resting: set[int],
    after: Snapshot,
    memory: Memory,
    places: Places,
    tracer: Tracer | None,
) -> list[dict[str, Any]]:
    """Return one row for each page that the worker wrote and the idle one did not."""
    rows = []
    for page in sorted(after.exclusive - resting):
        old = page in before.pages
        row: dict[str, Any] = {"page": page, "new": not old, "area": places.area(page)}
        if old:
            row |= _written(page, memory, places, tracer.stores.get(page) if tracer else None)
        rows.append(row)
    return rows


def _written(page: int, memory: Memory, places: Places, store: Store | None) -> dict[str, Any]:
    changed = changes(places.objects.memory.page(page), memory.now(page, PAGE))
    spots = [places.spot(page + offset) for offset in _some(changed)]
    kinds = Counter(spot.kind for spot in spots)
    row: dict[str, Any] = {"changed": len(changed), "kinds": dict(kinds.most_common())}
    if store:
        row |= _who(store, places)
    if store and store.exact:
        spot = places.spot(store.address)
        row |= {"how": "trace", "address": store.address}
    elif spots:
        # The kind that most of the changes are of, and an example of that kind.
        kind = kinds.most_common(1)[0][0]
        spot = next(each for each in spots if each.kind == kind)
        row["how"] = "change"
    else:
        spot = Spot(SAME, _inhabitants(page, places))
        row["how"] = "page"
    return row | {"kind": spot.kind, "owner": spot.owner, "field": spot.field}


def _inhabitants(page: int, places: Places) -> str:
    """Return the type that most objects on a page seem to be of."""
    spots = [places.spot(page + offset) for offset in range(0, PAGE, PAGE // 8)]
    owners = Counter(spot.owner for spot in spots if spot.kind in OF_OBJECTS and spot.owner)
    return owners.most_common(1)[0][0] if owners else ""


def changes(old: bytes, new: bytes) -> list[int]:
    """Return the offsets at which words of two contents of a page begin to differ."""
    if old == new or len(old) != len(new):
        return []
    words = struct.Struct(f"={len(old) // 8}Q")
    pairs = zip(words.unpack(old), words.unpack(new), strict=True)
    return [
        number * 8 + _first_byte(one ^ two) for number, (one, two) in enumerate(pairs) if one != two
    ]


def _first_byte(bits: int) -> int:
    """Return the lowest byte that is not zero."""
    return ((bits & -bits).bit_length() - 1) // 8


def _some(offsets: list[int]) -> list[int]:
    step = -(-len(offsets) // _LOOKS) or 1
    return offsets[::step]


def _who(store: Store, places: Places) -> dict[str, Any]:
    """Return the C function, its likely callers and the Python line of a store."""
    out: dict[str, Any] = {"pc": store.pc}
    if store.syscall is not None:
        out["syscall"] = store.syscall
    found = places.symbol(store.pc)
    image = places.image(store.pc)
    out["function"] = plain(found[0]) if found else image.rpartition("/")[2] or "unknown"
    out["callers"] = callers(store.stack, places, store.pc)
    if store.line:
        out["line"] = [store.line.file, store.line.line, store.line.function]
    return out


def callers(stack: bytes, places: Places, pc: int, limit: int = 4) -> list[str]:
    """Return the functions that called the one at *pc*, as far as the C stack tells; x86-64 only.

    A word on the stack counts when it points behind a call instruction; one that calls another
    function than the one we are in is left over from before. Where a function was entered by a
    jump no chain fits; then the first word that could be a return is taken.
    """
    found: list[str] = []
    loose = ""
    at = pc
    for (word,) in struct.iter_unpack("=Q", stack[: len(stack) // 8 * 8]):
        mapping = places.mapping(word)
        if mapping is None or "x" not in mapping.permissions:
            continue
        name = places.symbol(word)
        fits = name and _calls(places, word, at)
        if name and fits:
            found.append(plain(name[0]))
            at = word
            if len(found) == limit:
                break
        elif name and fits is False and not loose:
            loose = plain(name[0])
    return found or [loose] if found or loose else []


def _calls(places: Places, word: int, at: int) -> bool | None:
    """Tell whether the instruction before *word* calls the function at *at*.

    False when it calls another function; None when it is no call, or one through a stub.
    """
    code = places.objects.memory.bytes(word - 7, 7)
    if len(code) < 7:
        return None
    if code[2] == 0xE8:
        target = word + int.from_bytes(code[3:], "little", signed=True)
        callee = places.symbol(target)
        if callee is None:
            return True if places.image(at) != places.image(word) else None
        here = places.symbol(at)
        if here is not None and plain(callee[0]) == plain(here[0]):
            return True
        return _hands_on(places, target, callee[0])
    if any(code[n] == 0xFF and code[n + 1] >> 3 & 7 == 2 for n in (0, 1, 3, 4, 5)):
        return True  # through a pointer: to whom is not to be seen
    return None


def _hands_on(places: Places, start: int, name: str) -> bool:
    """Tell whether a function is a few bytes that end in a jump through a pointer.

    ``PyObject_Malloc()`` is one: whoever calls it called what the pointer leads to.
    """
    code = places.objects.memory.bytes(start, _SHORT)
    for at in range(len(code) - 1):
        if code[at] == 0xFF and code[at + 1] >> 3 & 7 == 4:
            found = places.symbol(start + at)
            return found is not None and found[0] == name
    return False


def plain(name: str) -> str:
    """Return a function's name without what the compiler hung on it: '.part.0', '.cold'."""
    return name.partition(".")[0] or name


def picture(before: Snapshot, places: Places) -> list[dict[str, Any]]:
    """Return the private memory that existed at the fork: runs of pages, by area."""
    runs: list[dict[str, Any]] = []
    for page in sorted(before.exclusive):
        area = places.area(page)
        last = runs[-1] if runs else None
        if last and last["area"] == area and last["start"] + last["pages"] * PAGE == page:
            last["pages"] += 1
        else:
            runs.append({"start": page, "area": area, "pages": 1})
    return runs
