"""`make eval` and `make baseline`: retrieval and answers on the sample documents, against what is committed."""

import sys
import tempfile
from pathlib import Path
from typing import Final

from ragctl.failure import Failure
from ragctl.temporary import temporary_stack

EXAMPLES: Final = Path(__file__).parents[1] / "examples"
BASELINE: Final = Path(__file__).with_name("baseline.json")
TENANT: Final = "eval-handbook"


def main(option: str) -> int:
    """Load the samples, measure, and `--compare` with the baseline or `--save` it anew."""
    questions = str(EXAMPLES / "questions.jsonl")
    try:
        with tempfile.TemporaryDirectory() as data, temporary_stack(Path(data)) as stack:
            stack.rag("ingest", str(EXAMPLES / "handbook"), "--tenant", TENANT)
            stack.rag("eval", "--answers", questions, "--tenant", TENANT, option, str(BASELINE))
    except Failure as failure:
        print(f"make {'baseline' if option == '--save' else 'eval'}: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main("--save" if "--save" in sys.argv[1:] else "--compare"))
