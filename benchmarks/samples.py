"""`make eval`: the 40 sample questions, asked of the sample documents on a local stack."""

import sys
import tempfile
from pathlib import Path

from ragctl.failure import Failure
from ragctl.temporary import temporary_stack

EXAMPLES = Path(__file__).parents[1] / "examples"
TENANT = "eval-handbook"


def main() -> int:
    """Load the samples and print how their questions are answered."""
    try:
        with tempfile.TemporaryDirectory() as data, temporary_stack(Path(data)) as stack:
            stack.rag("ingest", str(EXAMPLES / "handbook"), "--tenant", TENANT)
            stack.rag("eval", "--answers", str(EXAMPLES / "questions.jsonl"), "--tenant", TENANT)
    except Failure as failure:
        print(f"make eval: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
