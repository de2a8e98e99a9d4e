"""The three kinds of integration that the API has: an AWS service's action, a Lambda function's proxy, and a mock."""

import http.client
import re
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from http import HTTPStatus
from threading import Thread
from urllib.parse import urlsplit

from ragctl.local.account import CREDENTIAL, REGION
from ragctl.local.authority import role_name
from ragctl.local.http import lambda_proxy
from ragctl.local.http.definition import DefinitionError, Document, Operation
from ragctl.local.http.exchange import Exchange
from ragctl.local.http.mapping import mapped_body, mapped_parameters, mapped_response
from ragctl.local.http.messages import Headers, Response
from ragctl.local.http.strict_json import MalformedJsonError, parse
from ragctl.local.worker import InvocationResult

_TIMEOUT_SECONDS = 29.0
_ACTION = re.compile(r"arn:aws[\w-]*:apigateway:[\w-]+:(?P<service>states):action/(?P<operation>\w+)")
_FUNCTION = re.compile(r"arn:aws[\w-]*:apigateway:[\w-]+:lambda:path/2015-03-31/functions/(?P<arn>arn:\S+)/invocations")
_TARGETS = {"states": "AWSStepFunctions"}

Invoke = Callable[[str, bytes], InvocationResult]


class IntegrationTimeoutError(Exception):
    """The integration did not answer in time."""


class IntegrationFailedError(Exception):
    """The integration cannot be reached."""


class MisconfiguredIntegrationError(Exception):
    """The integration answers what no response is declared for, or is a mock that does not say what to answer."""


def function_of(uri: str) -> str:
    """Return the ARN of the function that an integration's or authorizer's URI names.

    Raises:
        DefinitionError: it names none.
    """
    if named := _FUNCTION.fullmatch(uri):
        return named["arn"]
    raise DefinitionError(f"{uri} names no Lambda function.")


class Integrations:
    """Carries out integrations with the AWS endpoint and the functions of the local stack."""

    def __init__(self, aws_endpoint: str, invoke: Invoke, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._aws = urlsplit(aws_endpoint)
        self._invoke = invoke
        self._timeout = timeout_seconds

    def __call__(self, exchange: Exchange) -> Response:
        """Return the method's response.

        Raises:
            IntegrationTimeoutError, IntegrationFailedError, MisconfiguredIntegrationError: there is none.
            MalformedProxyAnswerError: the function's answer is none.
            UnsupportedMediaTypeError, TemplateFailedError, BodyNotJsonError, NoSuchMappingError: of `mapping`.
        """
        integration = exchange.operation.integration
        match str(integration["type"]).lower():
            case "aws_proxy":
                return self._proxied(exchange, function_of(integration["uri"]))
            case "aws":
                answer = self._acted(exchange, integration)
                return mapped_response(exchange, _declared(integration, str(answer.status)), answer)
            case "mock":
                status = _mocked_status(mapped_body(exchange, integration))
                return mapped_response(exchange, _declared(integration, status), Response(HTTPStatus.OK))
        raise IntegrationFailedError(integration["type"])

    def _proxied(self, exchange: Exchange, function: str) -> Response:
        event = lambda_proxy.event(exchange)
        result = within(self._timeout, lambda: self._invoke(function, event))
        if result.function_error:
            raise lambda_proxy.MalformedProxyAnswerError(result.function_error)
        return lambda_proxy.response(result.payload)

    def _acted(self, exchange: Exchange, integration: Document) -> Response:
        action = _ACTION.fullmatch(integration["uri"])
        if action is None:
            raise IntegrationFailedError(integration["uri"])
        service = action["service"]
        scope = f"{_acting_as(integration)}/20260101/{REGION}/{service}/aws4_request"
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"{_TARGETS[service]}.{action['operation']}",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
            **mapped_parameters(exchange, integration),
        }
        body = mapped_body(exchange, integration)
        connection = http.client.HTTPConnection(self._aws.netloc, timeout=self._timeout)
        try:
            connection.request("POST", "/", body, headers)
            answer = connection.getresponse()
            return Response(answer.status, Headers(answer.getheaders()), answer.read())
        except TimeoutError as error:
            raise IntegrationTimeoutError from error
        except (OSError, http.client.HTTPException) as error:
            raise IntegrationFailedError(type(error).__name__) from error
        finally:
            connection.close()


def check(operation: Operation) -> None:
    """Accept an operation whose integration can be carried out here.

    Raises:
        DefinitionError: it cannot.
    """
    integration = operation.integration
    uri = str(integration.get("uri", ""))
    match str(integration.get("type", "")).lower():
        case "mock":
            return
        case "aws" if _ACTION.fullmatch(uri):
            return
        case "aws_proxy":
            function_of(uri)
        case kind:
            raise DefinitionError(f"{operation.method} {operation.path}: the local gateway has no {kind} of {uri!r}.")


def within(seconds: float, task: Callable[[], InvocationResult]) -> InvocationResult:
    """Return what a task returns, or leave it to itself.

    Raises:
        IntegrationTimeoutError: it takes longer.
    """
    outcome: Future[InvocationResult] = Future()

    def run() -> None:
        try:
            outcome.set_result(task())
        except Exception as error:  # noqa: BLE001 - raised again below, where somebody waits for it
            outcome.set_exception(error)

    Thread(target=run, daemon=True).start()
    try:
        return outcome.result(seconds)
    except FutureTimeoutError as error:
        if outcome.done():
            raise
        raise IntegrationTimeoutError from error


def _acting_as(integration: Document) -> str:
    """Return the access key that stands for the role that API Gateway takes on."""
    role = integration.get("credentials")
    return role_name(role) if role else CREDENTIAL


def _declared(integration: Document, status: str) -> Document:
    """Return the integration response whose pattern fits the status, `default` when none does."""
    responses: Document = integration.get("responses", {})
    for pattern, declared in responses.items():
        if pattern != "default" and re.fullmatch(str(pattern), status):
            found: Document = declared
            return found
    if "default" in responses:
        return dict(responses["default"])
    raise MisconfiguredIntegrationError(f"no response for {status}")


def _mocked_status(body: bytes) -> str:
    try:
        return str(int(parse(body)["statusCode"]))
    except (MalformedJsonError, KeyError, TypeError, ValueError):
        raise MisconfiguredIntegrationError("a mock without statusCode") from None
