"""`python -m ragctl.local.models --port N`: runs the model server until its parent ends or it is told to stop."""

import argparse
import os
import signal
import sys
import threading

PARENT_LOOKED_AT_EVERY = 0.5  # seconds


def main() -> int:
    """Serve on the port given, and return the exit status."""
    parent = os.getppid()
    parser = argparse.ArgumentParser(prog="python -m ragctl.local.models", description="OpenAI-compatible local models")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0 for a free one, which is printed")
    parser.add_argument("--load", metavar="MODEL", default="", help="load it before answering")
    arguments = parser.parse_args()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()

    from ragctl.local.models.api import ModelApi
    from ragctl.local.models.contract import ApiError
    from ragctl.local.models.server import ModelServer

    try:
        server = ModelServer(arguments.host, arguments.port)
    except (OSError, OverflowError) as error:
        print(f"The model server cannot listen on {arguments.host}:{arguments.port}: {error}", file=sys.stderr)
        return 1
    with server:
        server.api = ModelApi()
        try:
            server.api.load(arguments.load)
        except ApiError as error:
            print(error, file=sys.stderr)
            return 1
        print(f"Local models on {server.base_url}", file=sys.stderr, flush=True)
        server.serve_forever()
    return 0


def _end_with(parent: int) -> None:
    """End this process when its parent is gone.

    Linux can send a signal at that moment, but does so when the parent's forking *thread* ends: too early.
    """
    pause = threading.Event()
    while os.getppid() == parent:
        pause.wait(PARENT_LOOKED_AT_EVERY)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
