"""What a local function sees of the machine it runs on."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ragctl.local.function_spec import FunctionSpec, process_environment

SPEC = FunctionSpec(
    name="EmbedFunction",
    arn="arn:aws:lambda:eu-west-1:123456789012:function:EmbedFunction",
    code_directory=Path("functions/embed"),
    handler="app.lambda_handler",
    environment={"TABLE": "cache"},
    timeout_seconds=3,
    memory_mb=512,
    layers=(Path("layers/rag"),),
)


def test_code_comes_before_the_layers_on_the_import_path() -> None:
    path = process_environment(SPEC, "127.0.0.1:1")["PYTHONPATH"].split(os.pathsep)

    assert path == [str(Path("functions/embed").resolve()), str(Path("layers/rag").resolve())]


def test_a_function_cannot_declare_away_what_its_runtime_needs() -> None:
    spec = replace(SPEC, environment={"AWS_LAMBDA_RUNTIME_API": "elsewhere", "AWS_REGION": "mars", "TZ": "CET"})

    environment = process_environment(spec, "127.0.0.1:1")

    assert environment["AWS_LAMBDA_RUNTIME_API"] == "127.0.0.1:1"
    assert environment["AWS_REGION"] == "eu-west-1"
    assert environment["TZ"] == "CET"


def test_profiles_and_proxies_of_the_shell_stay_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example")
    monkeypatch.setenv("HOME", "/home/someone")

    environment = process_environment(SPEC, "127.0.0.1:1")

    assert environment["HOME"] == "/home/someone"
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert not {"AWS_PROFILE", "HTTP_PROXY"} & environment.keys()


@pytest.mark.parametrize(
    ("handler", "file"),
    [
        ("app.lambda_handler", "app.py"),
        ("package/app.handler", "package/app.py"),
        ("package.app.handler", "package/app.py"),
    ],
)
def test_the_handler_names_its_file(handler: str, file: str) -> None:
    assert replace(SPEC, handler=handler).module_file == Path("functions/embed") / file
