"""The HTTP API of the stack that CloudFormation has created, served."""

import socket
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from ragctl.local.account import endpoint
from ragctl.local.api_gateway import deployed
from ragctl.local.authority import Authority
from ragctl.local.http.access_log import AccessLog
from ragctl.local.http.acting import acting
from ragctl.local.http.exchange import Stage
from ragctl.local.http.integrations import Invoke
from ragctl.local.http.issuer import Issuer
from ragctl.local.http.server import ApiServer, Site


def start_api(
    listener: socket.socket,
    data: Path,
    aws_endpoint: str,
    invoke: Invoke,
    authority: Authority,
    parameters: Mapping[str, str],
) -> ExitStack:
    """Serve the deployed API on a socket that already listens, until what is returned is closed.

    Raises:
        DefinitionError: its OpenAPI body asks for something that is not done here.
    """
    parts = ExitStack()
    api = deployed()
    if api is None:
        return parts
    issuer = Issuer.of(data, endpoint(listener.getsockname()[1]))
    trusted = issuer if parameters.get("JwtIssuer") == issuer.url else None
    invoke_as = acting(invoke, api.body, authority)
    site = Site(api.body, Stage(api.id, api.stage, api.stage_variables), aws_endpoint, invoke_as, issuer, trusted)
    log = AccessLog(data / "logs" / "api.log")
    parts.callback(log.close)
    server = ApiServer(listener, site.logged(log))
    server.start()
    parts.callback(server.stop)
    return parts
