"""`python -m ragctl.deploying before|after SECTION [STACK]`: check a section of samconfig.toml, or tell what to do."""

import sys
from pathlib import Path

from ragctl.deploying.after import next_steps
from ragctl.deploying.configuration import Configuration, check_name
from ragctl.deployment import Deployment
from ragctl.failure import Failure


def main(arguments: list[str]) -> int:
    """Print what was asked for; return 1 where something keeps the stack from being deployed."""
    when, section, *named = arguments
    try:
        configuration = Configuration.read(Path("samconfig.toml"), section)
        stack = named[0] if named else configuration.stack
        check_name(stack)
        configuration.check_account()
        if when == "after":
            print(*next_steps(Deployment(stack)), sep="\n")
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
