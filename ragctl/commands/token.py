"""`rag token`: a token for the local stack's HTTP API."""

import json
from collections.abc import Sequence
from typing import Annotated

import typer

from ragctl.deployment import Deployment
from ragctl.failure import Failure

_SUBJECT = "developer"


def token(
    tenant: Annotated[str, typer.Option(help="The tenant whose documents it opens.")] = "default",
    group: Annotated[list[str] | None, typer.Option(help="A group of the bearer; repeatable.")] = None,
    writer: Annotated[bool, typer.Option("--writer", help="Allow to upload, overwrite and delete.")] = False,
    subject: Annotated[str, typer.Option(help="Who the bearer is.")] = _SUBJECT,
    minutes: Annotated[float, typer.Option(min=0.1, max=525_600, help="How long it is good for.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print a token that the local stack's issuer has signed, for the header Authorization."""
    from ragctl.api.finding import TOKENS
    from ragctl.local.http.issuer import Claims, Issuer

    _check_names(tenant, group or ())
    deployment = Deployment.find()
    issuer = Issuer.at(deployment.output("ApiUrl"))
    try:
        signed = issuer.token(Claims(tenant, tuple(group or ()), writer, subject), minutes)
    except (OSError, ValueError) as error:
        raise Failure(f"The key of the local issuer, {issuer.key_file}, cannot be read: {error}") from error
    authorisation = deployment.output("ApiAuthorization")
    if authorisation not in TOKENS:
        typer.echo(
            f"Note: the API of this stack takes no tokens: it runs with ApiAuthorization={authorisation}.", err=True
        )
    typer.echo(json.dumps({"token": signed, "issuer": issuer.url}, indent=2) if as_json else signed)


def _check_names(tenant: str, groups: Sequence[str]) -> None:
    from rag.errors import InvalidRequest
    from ragctl.principals import principal_of

    try:
        principal_of(tenant, groups)
    except InvalidRequest as error:
        raise typer.BadParameter(str(error), param_hint="--tenant or --group") from None
