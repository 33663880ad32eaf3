"""Python's http.server as the app behind the sidecar, on 127.0.0.1:PORT. Says method and path; reads bodies, as an app does."""
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            # http.server leaves chunks to the app; this is what apps and frameworks on it do.
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                self.rfile.read(size)
                if size == 0:
                    while self.rfile.readline().strip():
                        pass
                    return
                self.rfile.readline()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self):
        self.read_body()
        text = f"{self.command} {self.path}".encode("latin-1")
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
