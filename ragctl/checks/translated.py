"""`python -m ragctl.checks.translated`: print the CloudFormation template that template.yaml stands for."""

import json
from pathlib import Path
from typing import Any, Final

from ragctl.local.translation import translate

# Values that the template's rules ask for; they name nothing that exists.
PARAMETERS: Final = {"PineconeHost": "index.example", "MilvusUri": "https://milvus.example"}


def joined(resource: dict[str, Any]) -> dict[str, Any]:
    """Return a resource with its definition as one text: the linter follows a join line by line, and not very far."""
    match resource:
        case {"Properties": {"DefinitionString": {"Fn::Join": [str(separator), list(lines)]}, **properties}}:
            return {**resource, "Properties": {**properties, "DefinitionString": separator.join(lines)}}
    return resource


if __name__ == "__main__":
    template = translate(Path("template.yaml"), PARAMETERS).template
    template["Resources"] = {name: joined(resource) for name, resource in template["Resources"].items()}
    print(json.dumps(template, indent=1))
