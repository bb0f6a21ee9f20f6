"""Names of the fields of the pinned CPythons' structures, by their offset. For reports only."""

from __future__ import annotations

from collections.abc import Mapping

#: Builtin type -> offset of a field -> its name. A field reaches to the next one.
FIELDS_3_11: dict[str, dict[int, str]] = {
    "str": {16: "length", 24: "hash", 32: "state", 40: "wstr", 48: "utf8 or text"},
    "bytes": {16: "size", 24: "hash", 32: "bytes"},
    "int": {16: "size", 24: "digits"},
    "float": {16: "value"},
    "tuple": {16: "size", 24: "items"},
    "list": {16: "size", 24: "items pointer", 32: "allocated"},
    "dict": {16: "used", 24: "version", 32: "keys pointer", 40: "values pointer"},
    "set": {16: "fill", 24: "used", 32: "mask", 40: "table pointer", 48: "hash", 56: "finger"}
    | {64: "small table", 192: "weak references"},
    "cell": {16: "contents"},
    "property": {16: "functions"},
    "function": {16: "globals", 24: "builtins", 32: "name", 40: "qualname", 48: "code"}
    | {56: "defaults", 64: "kwdefaults", 72: "closure", 80: "doc", 88: "dict"}
    | {96: "weak references", 104: "module", 112: "annotations", 120: "vectorcall"}
    | {128: "version"},
    "code": {16: "size", 24: "consts", 32: "names", 40: "exception table", 48: "flags"}
    | {52: "warm-up counter", 54: "line array", 56: "counts", 96: "names", 144: "weak references"}
    | {152: "cached co_code", 160: "line array", 176: "extra"},
    "type": {16: "size", 24: "name", 32: "sizes", 48: "slots", 168: "flags", 176: "slots"}
    | {256: "base", 264: "dict", 272: "slots", 336: "bases", 344: "mro", 352: "cache"}
    | {360: "subclasses", 368: "weak references", 376: "slots", 384: "version tag", 392: "slots"}
    | {408: "slot tables", 848: "names", 872: "cached keys", 880: "module", 896: "getitem cache"},
    "module": {16: "dict", 24: "definition", 40: "weak references", 48: "name"},
    "generator": {16: "code", 24: "weak references", 32: "names", 48: "exception", 72: "state"}
    | {80: "frame"},
    "weakref": {16: "object", 24: "callback", 32: "hash", 40: "links", 56: "vectorcall"},
}
FIELDS_3_11["frozenset"] = FIELDS_3_11["set"]

#: Those that are other than before; what is not named here is the same.
FIELDS_3_14: dict[str, dict[int, str]] = {
    **FIELDS_3_11,
    "str": {16: "length", 24: "hash", 32: "state", 40: "utf8 or text"},
    "int": {16: "sign and size", 24: "digits"},
    "tuple": {16: "size", 24: "hash", 32: "items"},
    "dict": {16: "used", 24: "watchers", 32: "keys pointer", 40: "values pointer"},
    "function": {16: "globals", 24: "builtins", 32: "name", 40: "qualname", 48: "code"}
    | {56: "defaults", 64: "kwdefaults", 72: "closure", 80: "doc", 88: "dict"}
    | {96: "weak references", 104: "module", 112: "annotations", 120: "annotate"}
    | {128: "type parameters", 136: "vectorcall", 144: "version"},
    "code": {16: "size", 24: "consts", 32: "names", 40: "exception table", 48: "flags"}
    | {52: "counts", 92: "version", 96: "names", 136: "lines", 144: "weak references"}
    | {152: "executors", 160: "cached attributes", 168: "instrumentation version"}
    | {176: "monitoring", 184: "number", 192: "first traceable", 200: "extra"},
    "type": {**FIELDS_3_11["type"], 408: "watchers", 410: "versions used", 416: "slot tables"}
    | {848: "slot tables", 856: "names", 880: "cached keys", 888: "module", 896: "name in C"}
    | {904: "token", 912: "specialization cache"},
    "generator": {16: "weak references", 24: "names", 40: "exception", 56: "origin or finalizer"}
    | {64: "state", 72: "frame", 152: "locals and stack"},
}
FIELDS_3_14["ReferenceType"] = FIELDS_3_11["weakref"]
FIELDS_3_14["coroutine"] = FIELDS_3_14["async_generator"] = FIELDS_3_14["generator"]

#: The keys of a dict, from their start.
KEYS_FIELDS = {0: "reference count", 8: "kind", 12: "version", 16: "usable"}
KEYS_FIELDS |= {24: "number of entries", 32: "indices and entries"}


def name_of(table: Mapping[int, str], offset: int) -> str:
    """Return the field that an offset lies in; '+N' when the table does not reach so far down."""
    starts = [start for start in table if start <= offset]
    return table[max(starts)] if starts else f"+{offset}"
