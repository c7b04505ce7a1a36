"""The demo's last page: the alerts' contact sheet in a browser on this machine, from memory.

Nothing is written to disk; the page is gone when the command ends. It listens on the loopback
address only, at an address that cannot be guessed.
"""

import secrets
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
from rich.console import Console

from overt.core.arrays import BgrImage
from overt.core.errors import StorageError

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Overt: the demo's possible matches</title>
<style>body{margin:2rem auto;max-width:84rem;padding:0 1rem;font:16px system-ui;color:#181a1e;
background:#f4f5f7}img{max-width:100%}p{max-width:60ch;color:#60656e}</style>
<h1>Possible matches</h1>
<p>An officer decides. Everybody else who passed was counted, compared and forgotten.</p>
<img src="sheet.png" alt="Each possible match: the watchlist's picture, the camera's, the scene">
</html>"""


def show_until_interrupted(sheet: BgrImage, console: Console) -> None:
    """Serve the contact sheet on loopback until Ctrl-C."""
    done, data = cv2.imencode(".png", sheet)
    if not done:
        raise StorageError("The contact sheet could not be drawn.")
    path = secrets.token_urlsafe(16)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(path, bytes(data))) as server:
        port = server.server_address[1]
        console.print(
            f"\nThe alerts: http://127.0.0.1:{port}/{path}/   (Ctrl-C ends and forgets)",
            soft_wrap=True,
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            console.print("Ended; the demo's store was deleted.")


def _handler(path: str, png: bytes) -> type[BaseHTTPRequestHandler]:
    pages = {
        f"/{path}/": ("text/html; charset=utf-8", PAGE.encode()),
        f"/{path}/sheet.png": ("image/png", png),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = pages.get(self.path)
            if found is None:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", found[0])
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Security-Policy", "default-src 'self' 'unsafe-inline'")
            self.end_headers()
            self.wfile.write(found[1])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            del format, args

    return Handler
