"""A server and clients of gRPC in one process: calls of each kind, errors, deadlines, asyncio."""

import asyncio
import gc
import threading
from concurrent import futures

import grpc
import grpc.aio
import pytest
from google.protobuf import struct_pb2, wrappers_pb2

SERVICE = "compat.Echo"
NUMBER = 300


def _unary(request, context):
    if request.value == "refuse":
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "refused")
    context.set_trailing_metadata((("length", str(len(request.value))),))
    return wrappers_pb2.StringValue(value=request.value[::-1])


def _stream(request, context):
    for number in range(int(request.value)):
        yield wrappers_pb2.StringValue(value=str(number))


def _gather(requests, context):
    return wrappers_pb2.StringValue(value=",".join(each.value for each in requests))


def _both(requests, context):
    for each in requests:
        yield wrappers_pb2.StringValue(value=each.value * 2)


def _late(request, context):
    threading.Event().wait(float(request.value))
    return request


def _handlers(unary=_unary):
    read = wrappers_pb2.StringValue.FromString
    write = wrappers_pb2.StringValue.SerializeToString
    made = {
        "Unary": grpc.unary_unary_rpc_method_handler,
        "Late": grpc.unary_unary_rpc_method_handler,
        "Stream": grpc.unary_stream_rpc_method_handler,
        "Gather": grpc.stream_unary_rpc_method_handler,
        "Both": grpc.stream_stream_rpc_method_handler,
    }
    functions = {
        "Unary": unary,
        "Late": _late,
        "Stream": _stream,
        "Gather": _gather,
        "Both": _both,
    }
    methods = {name: make(functions[name], read, write) for name, make in made.items()}
    return grpc.method_handlers_generic_handler(SERVICE, methods)


@pytest.fixture(scope="module")
def address():
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((_handlers(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait(10)


@pytest.fixture
def channel(address):
    with grpc.insecure_channel(address) as found:
        yield found


def _call(channel, kind, name):
    write = wrappers_pb2.StringValue.SerializeToString
    return getattr(channel, kind)(f"/{SERVICE}/{name}", write, wrappers_pb2.StringValue.FromString)


def _text(value):
    return wrappers_pb2.StringValue(value=str(value))


def test_unary(channel):
    call = _call(channel, "unary_unary", "Unary")
    for number in range(NUMBER):
        assert call(_text(number), timeout=20).value == str(number)[::-1]


def test_metadata(channel):
    answer, told = _call(channel, "unary_unary", "Unary").with_call(_text("four"), timeout=20)
    assert answer.value == "ruof"
    assert ("length", "4") in [(each.key, each.value) for each in told.trailing_metadata()]


def test_error(channel):
    call = _call(channel, "unary_unary", "Unary")
    for _ in range(50):
        with pytest.raises(grpc.RpcError) as caught:
            call(_text("refuse"), timeout=20)
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert caught.value.details() == "refused"


def test_unknown_method(channel):
    with pytest.raises(grpc.RpcError) as caught:
        _call(channel, "unary_unary", "Nothing")(_text(""), timeout=20)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_deadline(channel):
    with pytest.raises(grpc.RpcError) as caught:
        _call(channel, "unary_unary", "Late")(_text(0.5), timeout=0.05)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


def test_server_stream(channel):
    call = _call(channel, "unary_stream", "Stream")
    found = [each.value for each in call(_text(NUMBER), timeout=20)]
    assert found == [str(number) for number in range(NUMBER)]


def test_cancelled_stream(channel):
    stream = _call(channel, "unary_stream", "Stream")(_text(10**6), timeout=20)
    assert next(stream).value == "0"
    stream.cancel()
    with pytest.raises(grpc.RpcError):
        for _ in stream:
            pass


def test_client_stream(channel):
    call = _call(channel, "stream_unary", "Gather")
    assert call(map(_text, range(5)), timeout=20).value == "0,1,2,3,4"


def test_both_stream(channel):
    call = _call(channel, "stream_stream", "Both")
    found = [each.value for each in call((_text(each) for each in range(100)), timeout=20)]
    assert found == [str(each) * 2 for each in range(100)]


def test_futures(channel):
    call = _call(channel, "unary_unary", "Unary")
    done = []
    started = [call.future(_text(each), timeout=20) for each in range(100)]
    for each in started:
        each.add_done_callback(done.append)
    assert [each.result(20).value for each in started] == [str(each)[::-1] for each in range(100)]


def test_threads(address):
    def work(number):
        with grpc.insecure_channel(address) as channel:
            call = _call(channel, "unary_unary", "Unary")
            return [call(_text(number + each), timeout=20).value for each in range(30)]

    with futures.ThreadPoolExecutor(6) as pool:
        found = list(pool.map(work, range(6)))
    assert found == [[str(number + each)[::-1] for each in range(30)] for number in range(6)]


def test_collected_channels(address):
    for _ in range(20):
        channel = grpc.insecure_channel(address)
        assert _call(channel, "unary_unary", "Unary")(_text(12), timeout=20).value == "21"
        del channel
    gc.collect()


def test_interceptor(channel):
    class Twice(grpc.UnaryUnaryClientInterceptor):
        def intercept_unary_unary(self, continuation, details, request):
            continuation(details, request).result()
            return continuation(details, request)

    call = _call(grpc.intercept_channel(channel, Twice()), "unary_unary", "Unary")
    assert call(_text("ab"), timeout=20).value == "ba"


def test_asyncio():
    async def unary(request, context):
        await asyncio.sleep(0)
        return _text(request.value.upper())

    async def main():
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((_handlers(unary),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = _call(channel, "unary_unary", "Unary")
            found = await asyncio.gather(*(call(_text(f"a{n}"), timeout=20) for n in range(100)))
            stream = _call(channel, "stream_stream", "Both")
            texts = [each.value async for each in stream(map(_text, range(20)), timeout=20)]
        await server.stop(None)
        return [each.value for each in found], texts

    found, texts = asyncio.run(main())
    assert found == [f"A{number}" for number in range(100)]
    assert texts == [str(number) * 2 for number in range(20)]


def test_structures(channel):
    write, read = struct_pb2.Struct.SerializeToString, struct_pb2.Struct.FromString
    made = struct_pb2.Struct()
    made.update({"a": [1, None, {"b": "c"}], "d": True})
    assert read(write(made)) == made
