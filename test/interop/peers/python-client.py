"""Python's http.client and requests in front of the sidecar at 127.0.0.1:PORT, an echo app behind it. Prints ok."""
import http.client
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import requests

port = int(sys.argv[1])
base = f"http://127.0.0.1:{port}"


def expect(actual, wanted):
    assert actual == wanted, f"{actual!r} is not {wanted!r}"


connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
for path in ("/one", "/two?x=%20y"):
    connection.request("GET", path)
    expect(json.load(connection.getresponse())["path"], path)
connection.request("PUT", "/put", body=(part for part in (b"hel", b"lo")), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
expect(json.load(connection.getresponse())["body"], "hello")
connection.request("HEAD", "/bytes/77")
response = connection.getresponse()
expect((response.status, response.getheader("Content-Length"), response.read()), (200, "77", b""))
connection.request("GET", "/bytes/1000000")
expect(len(connection.getresponse().read()), 1_000_000)
connection.close()

with requests.Session() as session:
    expect(session.post(base + "/form", data={"a": "b"}).json()["body"], "a=b")
    expect(session.put(base + "/stream", data=iter([b"a", b"b", b"c"])).json()["body"], "abc")
    expect(session.delete(base + "/x").json()["method"], "DELETE")
    expect(session.options(base + "/x").json()["method"], "OPTIONS")
    with session.get(base + "/bytes/500000", stream=True) as streamed:
        expect(sum(len(part) for part in streamed.iter_content(8192)), 500_000)

# As a browser does: several connections at once, each used again.
with ThreadPoolExecutor(6) as pool:
    sessions = [requests.Session() for _ in range(6)]
    paths = list(pool.map(lambda i: sessions[i % 6].get(f"{base}/p/{i}").json()["path"], range(120)))
expect(paths, [f"/p/{i}" for i in range(120)])
print("ok")
