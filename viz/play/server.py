"""Serving the playground to this machine: the page, its files and its calls.

Whoever asks has to hold the key that the opened address brings: other users of this
machine do not. And it has to be the page itself that asks: a site that is open in the
same browser can lead it here, but a browser says from where it was led.
"""

from __future__ import annotations

import secrets
import socket
import sys
import webbrowser
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode

from viz.play.calls import told

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

HOST: Final = "127.0.0.1"
FIRST: Final = 2718
MOST_BYTES: Final = 8_000_000  # of a call
TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
}
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self' blob:; "
    "style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "worker-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def serve(port: int | None = None, browser: bool = True) -> None:
    """Serve the page on 127.0.0.1 until Ctrl-C.

    port: None for the first free one from 2718. browser: whether to open one.

    Raises ModuleNotFoundError where starlette or uvicorn is missing, and OSError where
    the port is in use.
    """
    uvicorn = _uvicorn()
    with _listening(port) as listener:
        port = listener.getsockname()[1]
        token = secrets.token_urlsafe(24)
        address = f"http://{HOST}:{port}/?token={token}"
        print(f"The playground is at {address} (Ctrl-C ends it).", flush=True)
        if browser:
            webbrowser.open(address)  # it waits until the server below answers
        config = uvicorn.Config(
            application(token, port), log_level="warning", access_log=False
        )
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:
            print("The playground has ended.")


def _uvicorn() -> Any:
    try:
        import starlette  # noqa: F401
        import uvicorn
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"the playground needs {error.name}; install it with: "
            'python -m pip install "chainrule[play]"'
        ) from None
    return uvicorn


def application(token: str, port: int) -> Starlette:
    """The page and its calls, for those who hold the token, on this port alone."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.routing import Route

    async def guarded(
        request: Request, go_on: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = _entered(request, token, port) or await go_on(request)
        response.headers.update(HEADERS)
        return response

    return Starlette(
        routes=[
            Route("/call/{name}", _answer, methods=["POST"]),
            Route("/{name:path}", _file),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=guarded)],
    )


# ---- what it answers -----------------------------------------------------------------


def page_files() -> dict[str, Traversable]:
    """The files of the page by their names; two of them are the stepper's as well."""
    found = {file.name: file for file in (files("viz.play") / "page").iterdir()}
    for name in ("picture.js", "looks.css"):
        found[name] = files("viz") / "pages" / name
    return {name: file for name, file in found.items() if _ending(name) in TYPES}


def _ending(name: str) -> str:
    return name[name.rfind(".") :]


def _file(request: Request) -> Response:
    from starlette.responses import PlainTextResponse, Response

    name = request.path_params["name"] or "index.html"
    file = page_files().get(name)
    if file is None:
        return PlainTextResponse("there is nothing here\n", 404)
    return Response(file.read_bytes(), media_type=TYPES[_ending(name)])


async def _answer(request: Request) -> Response:
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse, Response

    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            error = f"this is more than the {MOST_BYTES // 1_000_000} MB that it takes"
            return JSONResponse({"status": 400, "data": {"error": error}})
    data = await run_in_threadpool(told, request.path_params["name"], bytes(body))
    return Response(data, media_type="application/json")


# ---- who may ask ---------------------------------------------------------------------


def _entered(request: Request, token: str, port: int) -> Response | None:
    """The answer at the door: a refusal, a key for the address's token, or none."""
    from starlette.responses import PlainTextResponse, RedirectResponse

    if not is_own(request.headers, port):
        return PlainTextResponse("this page is for this machine alone\n", 403)
    cookie = f"chainrule-{port}"  # a browser has one jar for all ports
    if _same(request.cookies.get(cookie, ""), token):
        return None
    query = parse_qsl(request.url.query, keep_blank_values=True)
    if request.method != "GET" or not _same(dict(query).get("token", ""), token):
        return PlainTextResponse(
            "Open the address that `chainrule play` printed: it holds a key. After "
            "that, links to the playground open as well. (If this came of that very "
            f"address, the browser keeps no cookies: allow them for {HOST}.)\n",
            403,
        )
    rest = urlencode([(key, text) for key, text in query if key != "token"])
    entered = RedirectResponse(f"/?{rest}" if rest else "/", 303)
    entered.set_cookie(cookie, token, httponly=True, samesite="lax")
    return entered


def _same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())


def is_own(headers: Mapping[str, str], port: int) -> bool:
    """Whether a request names this machine, and comes from a page of the same address.

    A link on another site may open the page, on its own and in no frame.

    >>> is_own({"host": "127.0.0.1:2718", "origin": "http://127.0.0.1:2718"}, 2718)
    True
    >>> is_own({"host": "127.0.0.1:2718", "origin": "http://elsewhere.example"}, 2718)
    False
    >>> is_own({"host": "127.0.0.1:2718", "sec-fetch-site": "cross-site"}, 2718)
    False
    """
    host = headers.get("host", "")
    origin = headers.get("origin", f"http://{host}")
    opened = (
        headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
        and "origin" not in headers
    )
    led_by = headers.get("sec-fetch-site", "none")
    return (
        host in (f"{HOST}:{port}", f"localhost:{port}")
        and origin == f"http://{host}"
        and (opened or led_by in ("same-origin", "none"))
    )


# ---- where ---------------------------------------------------------------------------


def _listening(port: int | None) -> socket.socket:
    """A socket that listens at the port, or for None at the first free one."""
    if port is not None:
        try:
            return _bound(port)
        except OSError:
            raise OSError(
                f"port {port} is in use; choose another one with --port"
            ) from None
    for port in range(FIRST, FIRST + 100):
        try:
            listener = _bound(port)
        except OSError:
            continue
        if port > FIRST:
            print(f"Port {FIRST} is in use; taking {port}.")
        return listener
    raise OSError(f"no free port from {FIRST} to {FIRST + 99}; name one with --port")


def _bound(port: int) -> socket.socket:
    listener = socket.socket()
    try:
        if sys.platform != "win32":  # there it would share a port in use
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener
