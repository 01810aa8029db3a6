#!/usr/bin/env python3
"""serve.py [FOLDER] [PORT]: serves a folder on 127.0.0.1, as a web server would have to.

Any static server will do. The decoder uses several threads only in a page that is cross-origin
isolated, which two headers make it; with `--plain` they are left out."""
import http.server
import os
import sys

arguments = [a for a in sys.argv[1:] if a != "--plain"]
plain = "--plain" in sys.argv
folder = arguments[0] if arguments else os.path.dirname(os.path.abspath(__file__))
port = int(arguments[1]) if len(arguments) > 1 else 8000


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of the folder, with the headers that threads in WebAssembly want."""

    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map,
                      ".wasm": "application/wasm", ".js": "text/javascript", ".lic": "image/x-lic"}

    def __init__(self, *args):
        super().__init__(*args, directory=folder)

    def end_headers(self):
        if not plain:
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
print(f"http://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
