"""What a worker process runs: tie its life to the supervisor's, then become AWS's Lambda runtime client.

Run as a script, with the supervisor's process id and the handler as arguments.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # from linux/prctl.h


def die_with(supervisor: int) -> None:
    """Have the kernel kill this process when the supervisor ends, even by kill -9.

    Only Linux can. Elsewhere the runtime client ends by itself once it finds its socket closed, after the invocation.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:  # it ended before the line above
        sys.exit("the supervisor has ended")


def main() -> None:
    """Serve invocations until killed."""
    _, supervisor, handler = sys.argv
    die_with(int(supervisor))

    import awslambdaric.__main__ as runtime
    from awslambdaric import bootstrap

    bootstrap.ERROR_LOG_LINE_TERMINATE = (
        "\n"  # CloudWatch unfolds the carriage returns of an error, a log file does not
    )
    runtime.main([sys.argv[0], handler])


if __name__ == "__main__":
    main()
