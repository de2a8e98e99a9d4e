"""`rag principals`: whose documents a caller of the HTTP API reads, where its credentials do not say so."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ragctl.deployment import Deployment
from ragctl.failure import Failure

if TYPE_CHECKING:
    from rag.http.callers import Caller

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")

_HEADER: Final = "TENANT            WRITES  CALLER, ITS KEY'S NAME, GROUPS"
_BY_CLAIMS: Final = "Note: the API of this stack takes tokens, whose claims say this; the table is not looked at."

CallerName = Annotated[
    str,
    typer.Argument(
        metavar="CALLER", help="The ARN of a role, an assumed role or a user; or an API key's id; or an id as listed."
    ),
]
Known = Annotated[str, typer.Argument(metavar="CALLER", help="As for `set`, or an API key's name.", show_default=False)]
Tenant = Annotated[str, typer.Option(help="Whose documents it reads.")]
Group = Annotated[list[str] | None, typer.Option(help="A group that it is in; repeatable.")]
Writer = Annotated[bool, typer.Option(help="Whether it may upload, overwrite, regroup and delete what it may read.")]
Stack = Annotated[str | None, typer.Option(help="A CloudFormation stack instead of the local one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.callback()
def principals() -> None:
    """Say who the callers of an API with ApiAuthorization=IAM or API_KEY are: tenant, groups, and the right to write.

    Without an entry a caller gets 403. A change holds from the next request on. All sessions of a role are one caller.
    With tokens (COGNITO, JWT) the claims say all this, and the table is not looked at.

    With --stack, your credentials need cloudformation:DescribeStacks, and on the table of principals dynamodb:Scan to
    list, PutItem to set and to add, DeleteItem to remove. With API_KEY, all but to set takes apigateway:GET on
    `/usageplans/*/keys` too, to add a key apigateway:POST on that and on `/apikeys`, to remove it apigateway:DELETE on
    `/apikeys/*`. Whoever may write this table may read all documents: grant it as you would grant that.
    """


@app.command("list")
def list_principals(stack: Stack = None, as_json: AsJson = False) -> None:
    """List the callers, keys with their names."""
    from ragctl import wiring
    from ragctl.principals import ApiKeys

    deployment = Deployment.find(stack)
    with _told_failures():
        callers = sorted(wiring.principals(deployment).all(), key=lambda caller: caller.id)
        names = ApiKeys(deployment).names()
    if as_json:
        typer.echo(json.dumps({"principals": [_as_object(caller, names) for caller in callers]}, ensure_ascii=False))
        return
    for line in _table(callers, names):
        typer.echo(line)
    _note_claims(deployment)


@app.command("set")
def set_principal(
    caller: CallerName,
    tenant: Tenant,
    group: Group = None,
    writer: Writer = False,
    stack: Stack = None,
    as_json: AsJson = False,
) -> None:
    """Set what a caller may read, and whether it may write, in place of what was set before."""
    from rag.http.callers import Caller
    from ragctl import wiring
    from ragctl.principals import caller_id, principal_of

    with _told_failures():
        named = Caller(caller_id(caller), principal_of(tenant, group or ()), writer)
        deployment = Deployment.find(stack)
        wiring.principals(deployment).store(named)
    typer.echo(json.dumps(_as_object(named), ensure_ascii=False) if as_json else f"Set: {_told(named)}.")
    _note_claims(deployment)


@app.command()
def remove(caller: Known, stack: Stack = None, as_json: AsJson = False) -> None:
    """Forget a caller; if it is an API key, delete that too."""
    from ragctl import wiring
    from ragctl.principals import ApiKeys, caller_id

    deployment = Deployment.find(stack)
    with _told_failures():
        named = ApiKeys(deployment).named(caller) or caller_id(caller)
        known = wiring.principals(deployment).remove(named)
        had_key = ApiKeys(deployment).delete(named)
    if not (known or had_key):
        raise Failure(f"There is no caller {named}.")
    typer.echo(json.dumps({"removed": named}) if as_json else f"Removed: {named}.")


@app.command("add-key")
def add_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call the key in API Gateway.")],
    tenant: Tenant,
    group: Group = None,
    writer: Writer = False,
    stack: Stack = None,
    as_json: AsJson = False,
) -> None:
    """Make an API key for a caller of its own, and print it: on standard output, once.

    For trials: a key is no strong proof of who calls, and travels with each request.
    """
    from ragctl.principals import ApiKeys, principal_of

    with _told_failures():
        principal = principal_of(tenant, group or ())
        made = ApiKeys(Deployment.find(stack)).add(name, principal, writer=writer)
    if as_json:
        typer.echo(
            json.dumps({**_as_object(made.caller, {made.caller.id: name}), "key": made.value}, ensure_ascii=False)
        )
        return
    typer.echo(f"Added {name}: {_told(made.caller)}. The key is not shown again:", err=True)
    typer.echo(made.value)


@contextmanager
def _told_failures() -> Iterator[None]:
    from rag.errors import RagError

    try:
        yield
    except RagError as error:
        raise Failure(str(error)) from error


def _as_object(caller: "Caller", names: Mapping[str, str] | None = None) -> dict[str, Any]:
    principal = caller.principal
    told = {"caller": caller.id, "tenant": principal.tenant, "groups": list(principal.groups), "writer": caller.writer}
    name = (names or {}).get(caller.id)
    return {**told, "name": name} if name else told


def _told(caller: "Caller") -> str:
    groups = f", groups {', '.join(caller.principal.groups)}" if caller.principal.groups else ""
    verb = "reads and writes" if caller.writer else "reads"
    return f"{caller.id} {verb} the tenant {caller.principal.tenant}{groups}"


def _table(callers: "Sequence[Caller]", names: Mapping[str, str]) -> Iterator[str]:
    yield _HEADER
    for caller in callers:
        groups = f"  ({', '.join(caller.principal.groups)})" if caller.principal.groups else ""
        name = f"  {names[caller.id]}" if names.get(caller.id) else ""
        yield f"{caller.principal.tenant:16}  {'yes' if caller.writer else 'no':6}  {caller.id}{name}{groups}"


def _note_claims(deployment: Deployment) -> None:
    if deployment.outputs.get("ApiAuthorization") in ("COGNITO", "JWT"):
        typer.echo(_BY_CLAIMS, err=True)
