"""A seed on the loopback that answers as a test wants."""

import http.server
import json
import threading


class FakeSeed:
    """Answers each request by calling `answer(handler)`; remembers the headers that it was sent."""

    def __init__(self, answer):
        self.requests = []
        seed = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                seed.requests.append((self.path, dict(self.headers)))
                answer(self)

            def log_message(self, *_args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_args):
                """A client that went away is what some tests want."""

        self._server = Server(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self._server.server_port}'
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_args):
        self._server.shutdown()
        self._server.server_close()


def reply(handler, body, status=200, **headers):
    """Sends one whole answer."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace('_', '-'), value)
    handler.send_header('Content-Length', str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def document(nodes=(), images=None, **others):
    """A snapshot as the seed writes it."""
    content = {'format': 'shoal-scheduler-snapshot', 'version': 1, 'generatedAt': '2026-11-22T06:45:00.000Z'}
    return json.dumps({**content, 'nodes': list(nodes), 'images': images or {}, **others}).encode()
