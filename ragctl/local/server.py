"""The AWS endpoint: moto's services on one loopback port, mended, executing state machines, keeping what they hold."""

import logging
import re
import socket
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any

from moto.core.common_models import BaseModel
from moto.core.config import default_user_config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from werkzeug.serving import make_server

from ragctl.local import (
    cloudformation,
    dynamodb,
    event_rules,
    map_runs,
    s3_events,
    server_speed,
    state_size,
    stepfunctions,
    stepfunctions_speed,
)
from ragctl.local.account import ACCOUNT_ID, HOST, REGION, endpoint
from ragctl.local.authorising import Authorising
from ragctl.local.authority import Authority
from ragctl.local.deliveries import Deliveries
from ragctl.local.durable import DurableState
from ragctl.local.functions import Functions
from ragctl.local.journaling import Application, Environ, Journaling
from ragctl.local.mending import replace
from ragctl.local.presigned import holding_to_signatures

_SHUTDOWN_POLL_SECONDS = 0.05
_REGION_OF_SCOPE = re.compile(r"(Credential=[^/]+/\d+/)[^/]+(/)")


class AwsEndpoint:
    """Serves on a socket that already listens."""

    def __init__(self, listener: socket.socket, state: DurableState, authority: Authority) -> None:
        port: int = listener.getsockname()[1]
        self.url = endpoint(port)
        moto = DomainDispatcherApplication(create_backend_app)
        authorising = Authorising(event_rules.announcing(Journaling(moto, state)), authority)
        application = _in_one_region(holding_to_signatures(authorising))
        self._server = make_server(HOST, port, application, True, request_handler=_Handler, fd=listener.fileno())
        self._thread = Thread(target=self._server.serve_forever, args=(_SHUTDOWN_POLL_SECONDS,), daemon=True)

    def start(self) -> None:
        """Answer requests, in threads."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more requests, and let go of the port."""
        self._server.shutdown()
        self._thread.join()


def mend(
    functions: Functions, state: DurableState, deliveries: Deliveries, url: str, authority: Authority | None = None
) -> None:
    """Make moto what the local stack needs it to be. To be called once, before anything is created.

    Without an authority every role may do all.
    """
    authority = authority or Authority()
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    replace(BaseModel, "__new__", _untracked)
    cloudformation.mend()
    functions.mend()
    server_speed.mend()
    s3_events.mend()
    dynamodb.mend()
    event_rules.mend(deliveries, authority)
    stepfunctions.mend(state, deliveries)
    state_size.mend()
    map_runs.mend(authority)
    stepfunctions_speed.mend(functions, authority, url)


def start_execution(machine_arn: str, name: str, execution_input: str) -> None:
    """Start an execution for an event.

    Raises:
        Exception: moto refuses.
    """
    stepfunctions_parser_backends[ACCOUNT_ID][REGION].start_execution(machine_arn, name, execution_input)


class _Handler(MotoRequestHandler):
    """Without delay, and without a line in the log for each request."""

    disable_nagle_algorithm = True

    def log_request(self, *_: Any) -> None:
        """Say nothing."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Log what went wrong."""
        logging.getLogger(__name__).log(getattr(logging, type.upper()), message, *args)


def _untracked(model: type[BaseModel], *_: Any, **__: Any) -> BaseModel:
    """Make an object that moto does not remember for ever, as it does each copy of each DynamoDB item."""
    return object.__new__(model)


def _in_one_region(application: Application) -> Application:
    """Sign every request over to the one region here: a user's profile may name another, and would find it empty."""

    def moved(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if signature := environ.get("HTTP_AUTHORIZATION"):
            environ["HTTP_AUTHORIZATION"] = _REGION_OF_SCOPE.sub(rf"\g<1>{REGION}\2", signature, count=1)
        return application(environ, start_response)

    return moved
