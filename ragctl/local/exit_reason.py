"""How a process ended, in words."""

import signal


def exit_reason(code: int) -> str:
    """Return what a Popen.returncode means."""
    return f"exit status {code}" if code >= 0 else f"signal: {signal.Signals(-code).name}"
