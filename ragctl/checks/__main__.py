"""`python -m ragctl.checks`: the state machines and the API's contract. With BUILD_DIR ARCH: the layers built there."""

import sys
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from ragctl.checks import contract, layers, state_machine


def main(arguments: list[str]) -> int:
    """Print each problem on a line of its own; return 1 where there is any."""
    if arguments:
        build, architecture = Path(arguments[0]), arguments[1]
        found = layers.problems(build, architecture, layers_together(Path("template.yaml")))
        weights = ", ".join(f"{layer.name} {layers.size(layer) / 1e6:.0f} MB" for layer in sorted(build.glob("*Layer")))
        summary = f"layers for {architecture}: {weights}"
    else:
        found = [
            problem
            for path, given in definitions(Path("template.yaml"))
            for problem in state_machine.problems(path, given)
        ]
        found += contract.problems(Path("api/openapi.yaml"))
        summary = (
            "state machines: graph, time limits, retries, error names and substitutions hold; the API's contract too"
        )
    for problem in found:
        print(problem, file=sys.stderr)
    if not found:
        print(summary)
    return 1 if found else 0


def definitions(template: Path) -> list[tuple[Path, set[str]]]:
    """Return each state machine's definition and the names of the substitutions that the template fills in it."""
    machines = _of_type("AWS::Serverless::StateMachine", template)
    return [
        (template.parent / machine["DefinitionUri"], set(machine.get("DefinitionSubstitutions", {})))
        for machine in machines
    ]


def layers_together(template: Path) -> set[frozenset[str]]:
    """Return which layers one function or another has, those that a condition adds included."""
    functions = _of_type("AWS::Serverless::Function", template)
    return {frozenset(name for layer in one.get("Layers", []) for name in _referred(layer)) for one in functions}


def _of_type(kind: str, template: Path) -> list[dict[str, Any]]:
    resources = yaml_parse(template.read_text(encoding="utf-8"))["Resources"].values()
    return [resource["Properties"] for resource in resources if resource["Type"] == kind]


def _referred(layer: Any) -> list[str]:
    match layer:
        case {"Ref": str(name)}:
            return [] if name.startswith("AWS::") else [name]
        case {"Fn::If": [_, *branches]}:
            return [name for branch in branches for name in _referred(branch)]
    return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
