"""Check what `sam build` made of packages: processor, byte-code, weight, and that the runtime's parts stayed out."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

MAX_UNZIPPED_BYTES: Final = 250 * 1000 * 1000  # a function with all of its layers; Lambda refuses more

_ELF_MAGIC: Final = b"\x7fELF"
_MACHINE_AT: Final = slice(18, 20)  # e_machine, the ELF header's third field
_MACHINES: Final = {"arm64": 183, "x86_64": 62}
_FROM_THE_RUNTIME: Final = ("boto3", "botocore", "s3transfer")


def problems(build: Path, architecture: str, together: Collection[frozenset[str]]) -> list[str]:
    """Return what is wrong with the layers below `build`, made for `architecture` (arm64 or x86_64).

    A function that brings packages of its own is held to the same.

    `together` are the names of layers that one function has.
    """
    layers = {path.name: path for path in sorted(build.glob("*Layer")) if path.is_dir()}
    if not layers:
        return [f"{build} holds no built layer: run make build first"]
    found = [problem for layer in layers.values() for problem in _packages(layer, layer / "python", architecture)]
    for function in sorted(build.glob("*Function")):
        if any(function.glob("*.dist-info")):
            found += _packages(function, function, architecture)
    for names in sorted(map(sorted, together)):
        weight = sum(size(layers[name]) for name in names if name in layers)
        if weight > MAX_UNZIPPED_BYTES:
            taken = f"{weight / 1e6:.0f} MB together, Lambda allows {MAX_UNZIPPED_BYTES / 1e6:.0f} MB"
            found.append(f"{' and '.join(names)} take {taken}")
    return found


def size(layer: Path) -> int:
    """Return the bytes of a layer's files."""
    return sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())


def _packages(built: Path, packages: Path, architecture: str) -> Iterator[str]:
    """Yield what is wrong with what was built, whose packages lie in a folder of it."""
    for name in _FROM_THE_RUNTIME:
        if (packages / name).exists():
            yield f"{built.name} holds {name}, which the Lambda runtime brings"
    for path in built.rglob("*.so*"):
        header = path.read_bytes()[:20]
        if header[:4] == _ELF_MAGIC and int.from_bytes(header[_MACHINE_AT], "little") != _MACHINES[architecture]:
            yield f"{path.relative_to(built.parent)} was not built for {architecture}"
    for source in packages.rglob("*.py"):
        if not any((source.parent / "__pycache__").glob(f"{source.stem}.*.pyc")):
            yield f"{source.relative_to(built.parent)} has no byte-code"
