"""Messages of protobuf: made at run time, filled, copied, merged, written, read, and let go."""

import copy
import gc
import pickle
import weakref

import pytest
from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    json_format,
    message_factory,
    struct_pb2,
    text_format,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.internal import api_implementation
from google.protobuf.message import DecodeError

FIELD = descriptor_pb2.FieldDescriptorProto


def _file():
    made = descriptor_pb2.FileDescriptorProto(name="shelf.proto", package="shelf", syntax="proto3")
    kind = made.enum_type.add(name="Kind")
    for number, name in enumerate(("NONE", "NOVEL", "ATLAS")):
        kind.value.add(name=name, number=number)
    book = made.message_type.add(name="Book")
    rows = (
        ("title", FIELD.TYPE_STRING, FIELD.LABEL_OPTIONAL, ""),
        ("pages", FIELD.TYPE_INT64, FIELD.LABEL_OPTIONAL, ""),
        ("tags", FIELD.TYPE_STRING, FIELD.LABEL_REPEATED, ""),
        ("kind", FIELD.TYPE_ENUM, FIELD.LABEL_OPTIONAL, ".shelf.Kind"),
        ("sequels", FIELD.TYPE_MESSAGE, FIELD.LABEL_REPEATED, ".shelf.Book"),
        ("cover", FIELD.TYPE_BYTES, FIELD.LABEL_OPTIONAL, ""),
        ("price", FIELD.TYPE_DOUBLE, FIELD.LABEL_OPTIONAL, ""),
    )
    for number, (name, kind, label, type_name) in enumerate(rows, 1):
        field = book.field.add(name=name, number=number, type=kind, label=label)
        if type_name:
            field.type_name = type_name
    return made


@pytest.fixture
def book_class():
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_file())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shelf.Book"))


def _filled(book_class, number=5):
    made = book_class(title="A", pages=3, tags=["x", "y"], kind=1, cover=b"\0\xff", price=0.5)
    for each in range(number):
        made.sequels.add(title=f"A{each}", pages=each)
    return made


def test_the_compiled_implementation_is_used():
    assert api_implementation.Type() == "upb"


def test_write_and_read(book_class):
    made = _filled(book_class, 200)
    for _ in range(50):
        assert book_class.FromString(made.SerializeToString()) == made


def test_broken_bytes(book_class):
    with pytest.raises(DecodeError):
        book_class.FromString(b"\x0a\xff\xff")


def test_copies(book_class):
    made = _filled(book_class)
    for other in (copy.copy(made), copy.deepcopy(made)):
        assert other == made
    other = book_class()
    other.CopyFrom(made)
    other.MergeFrom(made)
    assert len(other.sequels) == 10
    made.Clear()
    assert made == book_class()
    assert other.title == "A"


def test_repeated_fields(book_class):
    made = _filled(book_class)
    made.tags.extend(str(each) for each in range(100))
    del made.tags[2:52]
    made.tags.sort(key=lambda each: each, reverse=True)
    assert made.tags[0] == "y"
    assert len(made.tags) == 52
    assert list(reversed(made.tags))[-1] == "y"
    with pytest.raises(TypeError):
        made.tags.append(3)
    with pytest.raises(IndexError):
        made.sequels[5]


def test_wrong_values(book_class):
    made = book_class()
    with pytest.raises(TypeError):
        made.pages = "many"
    with pytest.raises(AttributeError):
        made.nothing = 1
    with pytest.raises(ValueError, match=r"."):
        book_class(nothing=1)


def test_parts_outlive_the_whole(book_class):
    part = _filled(book_class).sequels[3]
    gc.collect()
    assert part.title == "A3"


def test_messages_are_freed(book_class):
    class Watched:
        pass

    holder = [_filled(book_class) for _ in range(1000)]
    watched = Watched()
    seen = weakref.ref(watched)
    holder.append(watched)
    del holder, watched
    gc.collect()
    assert seen() is None


def test_json_and_text(book_class):
    made = _filled(book_class)
    assert json_format.Parse(json_format.MessageToJson(made), book_class()) == made
    assert json_format.ParseDict(json_format.MessageToDict(made), book_class()) == made
    assert text_format.Parse(text_format.MessageToString(made), book_class()) == made


def test_pickle():
    made = descriptor_pb2.FileDescriptorProto()
    made.CopyFrom(_file())
    assert pickle.loads(pickle.dumps(made)) == made


def test_well_known_types():
    made = struct_pb2.Struct()
    made.update({"a": [1, None, {"b": True}], "c": "d"})
    assert json_format.MessageToDict(made) == {"a": [1.0, None, {"b": True}], "c": "d"}
    packed = any_pb2.Any()
    packed.Pack(made)
    other = struct_pb2.Struct()
    assert packed.Unpack(other)
    assert other == made
    stamp = timestamp_pb2.Timestamp()
    stamp.FromJsonString("2001-02-03T04:05:06Z")
    assert stamp.ToDatetime().year == 2001
    span = duration_pb2.Duration()
    span.FromNanoseconds(1_500_000_000)
    assert span.ToTimedelta().total_seconds() == 1.5
    assert wrappers_pb2.BoolValue(value=True).value is True


def test_many_pools():
    for _ in range(50):
        pool = descriptor_pool.DescriptorPool()
        pool.Add(_file())
        found = message_factory.GetMessageClass(pool.FindMessageTypeByName("shelf.Book"))
        assert found.DESCRIPTOR.fields_by_name["sequels"].message_type is found.DESCRIPTOR
        assert found(kind=2).kind == 2
        del pool, found
    gc.collect()


def test_descriptors_are_kept_by_what_uses_them(book_class):
    field = book_class.DESCRIPTOR.fields_by_name["kind"]
    assert field.enum_type.values_by_name["ATLAS"].number == 2
    assert field.containing_type.full_name == "shelf.Book"
    assert [each.name for each in book_class.DESCRIPTOR.fields][:2] == ["title", "pages"]
