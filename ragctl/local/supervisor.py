"""The local stack as a whole: starts its parts in the order that they need each other, watches them, ends them."""

import gc
import logging
import os
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Event

from ragctl.local import presence
from ragctl.local.account import CREDENTIAL, HOST, STACK_NAME, endpoint
from ragctl.local.api_address import has_api
from ragctl.local.collection import CreatingCollection
from ragctl.local.embedders import EmbedderName, LocalEmbedder
from ragctl.local.embedding_choice import EmbedderError, chosen_embedder, remember_embedding
from ragctl.local.journal import Journal
from ragctl.local.milvus import start_milvus
from ragctl.local.parameters import local_parameters, needs_milvus, needs_models
from ragctl.local.presence import AlreadyRunningError, Presence
from ragctl.local.services import Service, ServiceError, free_port, is_healthy, listens
from ragctl.local.translation import Template, TemplateError, Translation, prepare, read_template
from ragctl.local.translation_process import Translating
from ragctl.local.workers import FunctionDoesNotStartError

_WATCH_SECONDS = 1.0

Tell = Callable[[str], None]


class CannotStartError(Exception):
    """The local stack does not come up: told in one line that says what to do."""


class _EndedEarlyError(BaseException):
    """Somebody ends the local stack while it starts. Like KeyboardInterrupt, no failure for others to handle."""


@dataclass(frozen=True)
class Options:
    """What `rag up` was asked for."""

    template: Path
    data: Path
    port: int
    api_port: int = 0
    overrides: Mapping[str, str] = field(default_factory=dict)
    embedder: EmbedderName | None = None

    @property
    def logs(self) -> Path:
        """The directory with one file per function and service."""
        return self.data / "logs"


def run(options: Options, tell: Tell, ready: Callable[[Presence], None]) -> None:
    """Bring the stack up, call `ready`, and serve until SIGTERM or Ctrl-C. Must run in the main thread.

    Raises:
        CannotStartError: a part does not start, or ends before it was asked to.
    """
    stop, started = Event(), Event()

    def end(*_: object) -> None:
        if not stop.is_set() and not started.is_set():
            stop.set()
            raise _EndedEarlyError
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)

    def ready_and_started(told: Presence) -> None:
        started.set()
        ready(told)

    with ExitStack() as parts:
        try:
            _serve(options, tell, ready_and_started, stop, parts)
        except _EndedEarlyError:
            raise CannotStartError("Ended before it was ready.") from None
        except AlreadyRunningError:
            raise CannotStartError(
                f"A local stack runs on {options.data} already. End it with: rag down --data-dir {options.data}"
            ) from None
        except (TemplateError, ServiceError, FunctionDoesNotStartError, EmbedderError) as error:
            raise CannotStartError(str(error)) from error
        except OSError as error:
            reason = f"{error.strerror} ({error.filename})" if error.filename else str(error)
            problem = f"{options.data} cannot be used: {reason}."
            raise CannotStartError(f"{problem} Choose another with --data-dir.") from error
        except ImportError as error:
            missing = f"The Python package {error.name} is missing or broken ({error})."
            raise CannotStartError(f"{missing} Every target of the Makefile installs it, such as: make demo") from error


def _serve(options: Options, tell: Tell, ready: Callable[[Presence], None], stop: Event, parts: ExitStack) -> None:
    parts.enter_context(presence.claimed(options.data))
    listener = parts.enter_context(_listener(options.port))
    port: int = listener.getsockname()[1]
    template = read_template(options.template)
    door = parts.enter_context(_listener(options.api_port, "--api-port")) if has_api(template) else None
    told = Presence(os.getpid(), port, endpoint(port), endpoint(door.getsockname()[1]) if door else None)
    told.write(options.data)
    _log_to(options.logs / "stack.log")

    embedder = chosen_embedder(options.data, options.embedder, options.overrides)
    _prepare_environment(port)
    services, translating, collection = _start_beside(options, template, embedder, told.api_url, parts)
    from ragctl.local import cloudformation, server  # moto takes seconds to import, in which the others start
    from ragctl.local.authority import Authority
    from ragctl.local.deliveries import Deliveries
    from ragctl.local.durable import DurableState, fill_secrets
    from ragctl.local.functions import Functions
    from ragctl.local.http.starting import start_api

    translation = translating.result()
    functions, state = Functions(), DurableState(parts.enter_context(Journal(options.data / "journal")))
    deliveries = Deliveries(server.start_execution, state)
    authority = Authority(options.logs / "calls.jsonl")
    server.mend(functions, state, deliveries, told.endpoint, authority)
    outputs = _created(partial(cloudformation.create_stack, api_url=told.api_url), translation)
    authority.learn()
    for loss in state.restore():
        tell(loss)
    fill_secrets(CREDENTIAL)
    parts.callback(functions.close)
    functions.find(translation.root, options.logs, told.endpoint)
    parts.callback(state.end)
    aws = server.AwsEndpoint(listener, state, authority)
    aws.start()
    parts.callback(aws.stop)
    _await(services, collection, tell)
    functions.warm()
    if door:
        parts.enter_context(
            start_api(door, options.data, told.endpoint, functions.invoke, authority, translation.parameters)
        )
    deliveries.resume(state.waiting)
    deliveries.serve()
    parts.callback(deliveries.close)
    gc.collect()
    gc.freeze()  # moto's half million objects stay; walking them again and again costs pauses of 250 ms

    _remember_embedding(options.data, translation.parameters)
    if stop.is_set():  # asked to end where Python swallows what a signal handler raises, as in a callback of import
        raise _EndedEarlyError
    told = replace(
        told,
        ready=True,
        services={service.name: service.url for service, _ in services},
        functions=list(functions),
        outputs=outputs,
        stands_in_for=list(cloudformation.stand_ins()),
    )
    told.write(options.data)
    ready(told)
    while not stop.wait(_WATCH_SECONDS):
        for service, _ in services:
            service.check()
        functions.end_idle()


def _await(services: "Started", collection: CreatingCollection | None, tell: Tell) -> None:
    """Return when the services answer, and the collection is there."""
    for service, answers in services:
        service.await_readiness(answers)
    if collection:
        for line in collection.await_end():
            tell(line)


def _remember_embedding(data: Path, parameters: Mapping[str, str]) -> None:
    if {"EmbeddingModel", "EmbeddingDimensions"} <= parameters.keys():
        remember_embedding(data, parameters["EmbeddingModel"], int(parameters["EmbeddingDimensions"]))


def _listener(port: int, option: str = "--port") -> socket.socket:
    try:
        return socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        reason = f"Port {port} of {HOST} cannot be used: {os.strerror(error.errno or 0)}."
        raise CannotStartError(f"{reason} End what uses it, or choose another: rag up {option} N") from error


Started = list[tuple[Service, Callable[[int], bool]]]


def _start_beside(
    options: Options, template: Template, embedder: LocalEmbedder, api_url: str | None, parts: ExitStack
) -> tuple[Started, Translating, CreatingCollection | None]:
    """Start what this process need not wait for: the services, and the translation, whose imports take a second."""
    declared = template.get("Parameters") or {}
    milvus_port, models_port = free_port(), free_port()
    parameters = local_parameters(declared, options.overrides, milvus_port, models_port, embedder, api_url)
    translating = Translating(prepare(options.template, template, parameters))
    parts.callback(translating.stop)
    services: Started = []
    collection = None
    if needs_milvus(declared, options.overrides):
        log = options.logs / "milvus.log"
        services.append((start_milvus(options.data / "milvus", milvus_port, log), listens))
        parts.callback(services[-1][0].stop)
        if {"EmbeddingModel", "EmbeddingDimensions"} <= parameters.keys():
            collection = CreatingCollection(milvus_port, parameters, options.logs / "collection.log")
            parts.callback(collection.stop)
    if needs_models(declared, options.overrides):
        arguments = ["--port", str(models_port), "--load", parameters.get("EmbeddingModel", "")]
        log = options.logs / "models.log"
        services.append((Service("Model server", "ragctl.local.models", arguments, models_port, log), is_healthy))
        parts.callback(services[-1][0].stop)
    return services, translating, collection


def _prepare_environment(port: int) -> None:
    """Set what moto and boto3 read when they are imported."""
    os.environ.update(
        AWS_ACCESS_KEY_ID=CREDENTIAL,
        AWS_SECRET_ACCESS_KEY=CREDENTIAL,
        AWS_DEFAULT_REGION="us-east-1",
        MOTO_PORT=str(port),
        MOTO_DISABLE_GLOBAL_CORS="true",  # no web page has business here
        VALIDATE_LAMBDA_S3="false",  # the functions' code is in directories
    )
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        os.environ.pop(name, None)


def _created(
    create_stack: Callable[[str, Template, Mapping[str, str]], Mapping[str, str]], translation: Translation
) -> Mapping[str, str]:
    try:
        return create_stack(STACK_NAME, translation.template, translation.parameters)
    except Exception as error:
        logging.getLogger(__name__).exception("The stack cannot be created")
        reason = getattr(error, "message", None) or str(error)
        raise CannotStartError(f"The template's resources cannot be created: {reason}") from error


def _log_to(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=file, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True
    )
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)  # it quotes what users ask; the history has it
