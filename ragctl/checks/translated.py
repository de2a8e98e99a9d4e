"""`python -m ragctl.checks.translated`: print the CloudFormation template that template.yaml stands for."""

import json
from pathlib import Path
from typing import Final

from ragctl.local.translation import translate

# Values that the template's rules ask for; they name nothing that exists.
PARAMETERS: Final = {"PineconeHost": "index.example", "MilvusUri": "https://milvus.example"}


if __name__ == "__main__":
    print(json.dumps(translate(Path("template.yaml"), PARAMETERS).template, indent=1))
