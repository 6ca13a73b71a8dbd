"""Serving the playground to this machine."""

from __future__ import annotations

import importlib.metadata
import logging
import runpy
import socket
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

HOST: Final = "127.0.0.1"
FIRST: Final = 2718


def serve(port: int | None = None, browser: bool = True) -> None:
    """Serve the page on 127.0.0.1 until Ctrl-C.

    port: None for the first free one from 2718. browser: whether to open one.

    Raises ModuleNotFoundError where marimo is missing, and OSError where the port is
    in use.
    """
    _read_entry_points_once()
    _guard()
    port = _free_port() if port is None else _checked(port)
    address = f"http://{HOST}:{port}"
    print(f"The playground is at {address} (Ctrl-C ends it).", flush=True)
    folder = Path(__file__).parent
    sys.argv = ["marimo", "--quiet", "--yes", "run", str(folder / "app.py")]
    sys.argv += ["--host", HOST, "--port", str(port), "--no-token", "--no-sandbox"]
    sys.argv += [] if browser else ["--headless"]
    # With --quiet and --yes marimo ends uvicorn twice at Ctrl-C, which it complains of.
    logging.getLogger("uvicorn.error").addFilter(
        lambda record: "CancelledError" not in record.getMessage()
    )
    runpy.run_module("marimo", run_name="__main__", alter_sys=True)


def _read_entry_points_once() -> None:
    """Keep marimo from reading those of all packages before each run of cells.

    It does so twice before the graph follows a slider: 2 ms each for 60 packages.
    """
    once = cache(importlib.metadata.entry_points)
    importlib.metadata.entry_points = once  # type: ignore[assignment]


# ---- who may ask ---------------------------------------------------------------------


class SamePage:
    """Answers no other site's pages, though they are open in a browser of this machine.

    A site can lead a browser here, under its own name or from its own origin. marimo
    looks at neither, and leaves its websocket open to all.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on, or refuse it."""
        from starlette.datastructures import Headers
        from starlette.responses import PlainTextResponse
        from starlette.websockets import WebSocketClose

        app = self.app
        asks = scope["type"] in ("http", "websocket")
        if asks and not is_own(Headers(scope=scope)):
            refused = PlainTextResponse("this page is for this machine alone\n", 403)
            app = refused if scope["type"] == "http" else WebSocketClose(1008)
        await app(scope, receive, send)


def is_own(headers: Mapping[str, str]) -> bool:
    """Whether a request names this machine, and comes from a page of the same address.

    >>> is_own({"host": "127.0.0.1:2718", "origin": "http://127.0.0.1:2718"})
    True
    >>> is_own({"host": "127.0.0.1:2718", "origin": "http://elsewhere.example"})
    False
    """
    host = headers.get("host", "")
    origin = headers.get("origin")
    named = host.partition(":")[0] in (HOST, "localhost")
    return named and origin in (None, f"http://{host}", f"https://{host}")


def _guard() -> None:
    try:
        import marimo  # noqa: F401
        from marimo._server.registry import MIDDLEWARE_REGISTRY
        from starlette.middleware import Middleware
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "the playground needs marimo; install it with: "
            'python -m pip install "chainrule[play]"'
        ) from None
    MIDDLEWARE_REGISTRY.register("chainrule", Middleware(SamePage))


# ---- where ---------------------------------------------------------------------------


def _free_port() -> int:
    for port in range(FIRST, FIRST + 100):
        if _is_free(port):
            if port > FIRST:
                print(f"Port {FIRST} is in use; taking {port}.")
            return port
    raise OSError(f"no free port from {FIRST} to {FIRST + 99}; name one with --port")


def _checked(port: int) -> int:
    if not _is_free(port):
        raise OSError(f"port {port} is in use; choose another one with --port")
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        if sys.platform != "win32":  # there it would share a port in use
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
