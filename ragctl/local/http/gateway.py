"""One API, executed: from a request to its response, in the order in which API Gateway does it."""

import logging
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from ragctl.local.http import integrations, lambda_proxy
from ragctl.local.http.authorization import authorizers
from ragctl.local.http.definition import Document, Operation, operations
from ragctl.local.http.exchange import Exchange, Stage
from ragctl.local.http.gateway_responses import GatewayResponses, Refusal
from ragctl.local.http.integrations import Integrations, Invoke
from ragctl.local.http.mapping import NoSuchMappingError, UnsupportedMediaTypeError
from ragctl.local.http.messages import Headers, Request, Response, is_field
from ragctl.local.http.routing import Router
from ragctl.local.http.validation import BadBodyError, BadParametersError, BodyValidator, check_parameters
from ragctl.local.http.variables import BodyNotJsonError
from ragctl.local.http.velocity import TemplateFailedError
from ragctl.local.workers import RequestTooLargeError

_SERVER_ERROR = "Internal server error"


class Gateway:
    """Answers the requests of one deployed API.

    Raises, when made:
        DefinitionError: its document asks for something that is not done here.
    """

    def __init__(self, document: Document, stage: Stage, aws_endpoint: str, invoke: Invoke) -> None:
        declared = list(operations(document))
        for operation in declared:
            integrations.check(operation)
        self._stage = stage
        self._router = Router(declared)
        self._authorizers = authorizers(document, invoke)
        self._validator = BodyValidator(document)
        self._integrations = Integrations(aws_endpoint, invoke)
        self._responses = GatewayResponses(document, stage.variables)

    def resource(self, request: Request) -> str:
        """Return the path that a request is for, as the API declares it; "-" for none."""
        found = self._router.find(request.method, request.path)
        return found[0].path if found else "-"

    def __call__(self, request: Request, request_id: str | None = None) -> Response:
        """Return the response to a request, whatever becomes of it."""
        request_id = request_id or str(uuid4())
        context: Mapping[str, Any] = {
            "requestId": request_id,
            "extendedRequestId": request_id,
            "stage": self._stage.name,
        }
        try:
            operation, path_values = self._found(request)
            exchange = Exchange(request, self._stage, operation, path_values, request_id=request_id)
            context = exchange.context
            response = self._executed(exchange)
        except Refusal as refusal:
            response = self._responses(refusal, request, context)
        return _identified(response, request_id)

    def _found(self, request: Request) -> tuple[Operation, Mapping[str, str]]:
        if request.oversized:
            raise Refusal("REQUEST_TOO_LARGE", "Request Too Long")
        found = self._router.find(request.method, request.path)
        if found is None:
            raise Refusal("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")
        return found

    def _executed(self, exchange: Exchange) -> Response:
        for scheme in exchange.operation.schemes:
            self._authorizers[scheme](exchange)
        try:
            check_parameters(exchange.operation, exchange.request, exchange.path_values)
        except BadParametersError as error:
            raise Refusal("BAD_REQUEST_PARAMETERS", str(error)) from None
        try:
            self._validator.check(exchange.operation, exchange.request)
        except BadBodyError as error:
            raise Refusal("BAD_REQUEST_BODY", str(error), error.reasons) from None
        response = self._integrated(exchange)
        if not all(is_field(*field) for field in response.headers):
            _log(exchange, "a mapped header field cannot be sent")
            raise Refusal("API_CONFIGURATION_ERROR", _SERVER_ERROR)
        return response

    def _integrated(self, exchange: Exchange) -> Response:
        try:
            return self._integrations(exchange)
        except UnsupportedMediaTypeError:
            raise Refusal("UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type") from None
        except BodyNotJsonError:
            raise Refusal("BAD_REQUEST_BODY", "Could not parse request body into json") from None
        except RequestTooLargeError:  # Lambda takes 6 MB
            raise Refusal("REQUEST_TOO_LARGE", "Request Too Long") from None
        except integrations.IntegrationTimeoutError:
            raise Refusal("INTEGRATION_TIMEOUT", "Endpoint request timed out") from None
        except integrations.IntegrationFailedError as error:
            _log(exchange, str(error))
            raise Refusal("INTEGRATION_FAILURE", _SERVER_ERROR) from None
        except lambda_proxy.MalformedProxyAnswerError as error:
            _log(exchange, f"its function answered {error}")
            raise Refusal("DEFAULT_5XX", _SERVER_ERROR) from None
        except (TemplateFailedError, NoSuchMappingError, integrations.MisconfiguredIntegrationError) as error:
            _log(exchange, str(error))
            raise Refusal("API_CONFIGURATION_ERROR", _SERVER_ERROR) from None


def _identified(response: Response, request_id: str) -> Response:
    """Return the response with the id that the access log knows it by."""
    fields = [*response.headers, ("x-amzn-RequestId", request_id)]
    return Response(response.status, Headers(fields), response.body)


def _log(exchange: Exchange, what: str) -> None:
    where = f"{exchange.operation.method} {exchange.operation.path}"
    logging.getLogger(__name__).error("%s (request %s): %s", where, exchange.request_id, what)
