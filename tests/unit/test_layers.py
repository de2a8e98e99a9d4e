"""What the check of built layers finds."""

import struct
from pathlib import Path

import pytest

from ragctl.checks import layers
from ragctl.checks.__main__ import layers_together

ROOT = Path(__file__).parents[2]

AARCH64, X86_64 = 183, 62
ALONE = [frozenset({"RagLayer"})]


def elf(machine: int) -> bytes:
    return b"\x7fELF" + bytes(14) + struct.pack("<H", machine) + bytes(40)


@pytest.fixture
def build(tmp_path: Path) -> Path:
    package = tmp_path / "RagLayer" / "python" / "rag"
    (package / "__pycache__").mkdir(parents=True)
    (package / "errors.py").touch()
    (package / "__pycache__" / "errors.cpython-313.pyc").touch()
    (package / "fast.cpython-313-aarch64-linux-gnu.so").write_bytes(elf(AARCH64))
    return tmp_path


def test_a_sound_layer_has_no_problem(build: Path) -> None:
    assert layers.problems(build, "arm64", ALONE) == []


def test_another_processor_is_found(build: Path) -> None:
    (problem,) = layers.problems(build, "x86_64", ALONE)
    assert problem.endswith("was not built for x86_64")


def test_a_versioned_library_is_looked_at_too(build: Path) -> None:
    (build / "RagLayer" / "libx.so.3").write_bytes(elf(X86_64))
    assert layers.problems(build, "arm64", ALONE) == ["RagLayer/libx.so.3 was not built for arm64"]


@pytest.mark.parametrize("name", ["boto3", "botocore"])
def test_what_the_runtime_brings_is_found(build: Path, name: str) -> None:
    (build / "RagLayer" / "python" / name).mkdir()
    assert layers.problems(build, "arm64", ALONE) == [f"RagLayer holds {name}, which the Lambda runtime brings"]


def test_missing_byte_code_is_found(build: Path) -> None:
    (build / "RagLayer" / "python" / "rag" / "models.py").touch()
    assert layers.problems(build, "arm64", ALONE) == ["RagLayer/python/rag/models.py has no byte-code"]


def test_a_function_that_brings_packages_is_held_to_the_same(build: Path) -> None:
    function = build / "AuthorizeFunction"
    (function / "jwt-2.0.dist-info").mkdir(parents=True)
    (function / "app.py").touch()
    (function / "_fast.abi3.so").write_bytes(elf(X86_64))
    assert layers.problems(build, "arm64", ALONE) == [
        "AuthorizeFunction/_fast.abi3.so was not built for arm64",
        "AuthorizeFunction/app.py has no byte-code",
    ]


def test_a_function_without_packages_needs_no_byte_code(build: Path) -> None:
    (build / "EmbedFunction").mkdir()
    (build / "EmbedFunction" / "app.py").touch()
    assert layers.problems(build, "arm64", ALONE) == []


def test_the_layers_of_one_function_may_not_weigh_too_much_together(
    build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (build / "IngestLayer").mkdir()
    (build / "IngestLayer" / "vocabulary").write_bytes(bytes(100))
    rag = layers.size(build / "RagLayer")
    monkeypatch.setattr(layers, "MAX_UNZIPPED_BYTES", rag + 99)

    assert layers.problems(build, "arm64", [frozenset({"RagLayer"}), frozenset({"IngestLayer"})]) == []
    (problem,) = layers.problems(build, "arm64", [frozenset({"RagLayer", "IngestLayer"})])
    assert problem.startswith("IngestLayer and RagLayer take")


def test_the_layers_that_one_function_has_are_read_from_the_template() -> None:
    assert layers_together(ROOT / "template.yaml") == {
        frozenset({"RagLayer"}),
        frozenset({"RagLayer", "MilvusLayer"}),
        frozenset({"RagLayer", "IngestLayer"}),
    }


def test_nothing_built_says_what_to_do(tmp_path: Path) -> None:
    assert "make build" in layers.problems(tmp_path, "arm64", ALONE)[0]
