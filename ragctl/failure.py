"""How a command fails."""


class Failure(Exception):
    """Ends the command with exit status 1. Its message is one line that says what to do."""


class Unreachable(Failure):
    """The way to the deployment is broken; what was started there may go on."""
