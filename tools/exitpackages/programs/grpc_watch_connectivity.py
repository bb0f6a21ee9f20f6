"""A gRPC channel is watched, a call is pending on a server that does not exist, all is left."""

import gc
import os
import threading

import grpc

channel = grpc.insecure_channel("127.0.0.1:1")
states: list[str] = []
failed = threading.Event()


def changed(state: grpc.ChannelConnectivity) -> None:
    states.append(state.name)
    if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
        failed.set()


channel.subscribe(changed, try_to_connect=True)
failed.wait(20)
pending = channel.unary_unary("/none/none").future(b"", wait_for_ready=True)
threading.Thread(target=pending.exception, daemon=True).start()
ready = grpc.channel_ready_future(channel)
print(failed.is_set(), pending.done(), ready.done(), flush=True)
getattr(gc, os.environ.get("PACKS_CALL", ""), int)()  # here
print("end", flush=True)
