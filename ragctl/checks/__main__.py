"""`python -m ragctl.checks`: the state machines. `python -m ragctl.checks BUILD_DIR ARCH`: the layers built there."""

import sys
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

from ragctl.checks import layers, state_machine


def main(arguments: list[str]) -> int:
    """Print each problem on a line of its own; return 1 where there is any."""
    if arguments:
        build, architecture = Path(arguments[0]), arguments[1]
        found = layers.problems(build, architecture)
        weights = ", ".join(f"{layer.name} {layers.size(layer) / 1e6:.0f} MB" for layer in sorted(build.glob("*Layer")))
        summary = f"layers for {architecture}: {weights}"
    else:
        found = [
            problem
            for path, given in definitions(Path("template.yaml"))
            for problem in state_machine.problems(path, given)
        ]
        summary = "state machines: graph, time limits, retries, error names and substitutions hold"
    for problem in found:
        print(problem, file=sys.stderr)
    if not found:
        print(summary)
    return 1 if found else 0


def definitions(template: Path) -> list[tuple[Path, set[str]]]:
    """Return each state machine's definition and the names of the substitutions that the template fills in it."""
    resources = yaml_parse(template.read_text(encoding="utf-8"))["Resources"].values()
    machines = [resource["Properties"] for resource in resources if resource["Type"] == "AWS::Serverless::StateMachine"]
    return [
        (template.parent / machine["DefinitionUri"], set(machine.get("DefinitionSubstitutions", {})))
        for machine in machines
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
