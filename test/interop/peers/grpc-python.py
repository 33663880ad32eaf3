"""Python's grpcio (C core) as a server and as a client of the service in grpc.interop.ts.

grpc-python.py serve PORT | grpc-python.py ask HOST:PORT
"""
import json
import sys
import threading
import time
from concurrent import futures

import grpc

LARGE = [("grpc.max_receive_message_length", 16_000_000), ("grpc.max_send_message_length", 16_000_000)]
cancelled = 0
lock = threading.Lock()


def unary(request, context):
    global cancelled
    word = request[:20].split(b" ")[0]
    if word == b"fail":
        context.abort(grpc.StatusCode.NOT_FOUND, "failed: \u00e4%")
    if word == b"sleep":
        gone = threading.Event()
        context.add_callback(gone.set)
        gone.wait(20)
        with lock:
            cancelled += 1
        return b""
    if word == b"cancelled":
        return str(cancelled).encode()
    for key, value in context.invocation_metadata():
        if key == "x-key":
            context.set_trailing_metadata((("x-echo", value),))
    return request


def server_stream(request, context):
    for index in range(int(request)):
        yield str(index).encode()


def client_stream(requests, context):
    return str(sum(len(request) for request in requests)).encode()


def bidi(requests, context):
    yield from requests


def serve(port):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), options=LARGE)
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream),
        "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream),
        "Bidi": grpc.stream_stream_rpc_method_handler(bidi),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("kinglet.Echo", handlers),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


def failure(call):
    try:
        call()
        return [0, ""]
    except grpc.RpcError as error:
        return [error.code().value[0], error.details()]


def ask(target):
    channel = grpc.insecure_channel(target, options=LARGE)
    echo = channel.unary_unary("/kinglet.Echo/Unary")
    found = {}
    body, call = echo.with_call(b"hello", metadata=(("x-key", "value"),), timeout=20)
    found["unary"] = [body.decode(), dict(call.trailing_metadata()).get("x-echo")]
    found["large"] = len(echo(b"x" * 5_000_000, timeout=30))
    found["serverStream"] = len(list(channel.unary_stream("/kinglet.Echo/ServerStream")(b"100", timeout=20)))
    found["clientStream"] = channel.stream_unary("/kinglet.Echo/ClientStream")(iter([b"y" * 20_000] * 50), timeout=20).decode()
    found["bidi"] = b",".join(channel.stream_stream("/kinglet.Echo/Bidi")(iter([b"a", b"b", b"c"]), timeout=20)).decode()
    found["fails"] = failure(lambda: echo(b"fail", timeout=20))
    found["unimplemented"] = failure(lambda: channel.unary_unary("/kinglet.Echo/Nothing")(b"", timeout=20))[0]
    found["deadline"] = failure(lambda: echo(b"sleep", timeout=0.3))[0]
    pending = echo.future(b"sleep", timeout=20)
    time.sleep(0.2)
    pending.cancel()
    until = time.monotonic() + 10
    while (count := int(echo(b"cancelled", timeout=20))) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    found["cancelled"] = count
    print(json.dumps(found))


{"serve": serve, "ask": ask}[sys.argv[1]](sys.argv[2])
