"""What a service of the local stack runs: tie its life to the supervisor's, then become the module that it is.

Run as a module, with the supervisor's process id, the module's name and its arguments.
"""

import os
import runpy
import signal
import sys
from threading import Thread
from time import sleep

from ragctl.local.worker_process import die_with

_LOOK_SECONDS = 0.5


def main() -> None:
    """Run the module as `python -m` does, ending it on SIGTERM as on Ctrl-C."""
    supervisor, module = int(sys.argv[1]), sys.argv[2]
    die_with(supervisor)
    if sys.platform != "linux":
        Thread(target=_exit_after, args=(supervisor,), daemon=True).start()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit it ignored
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _exit_after(supervisor: int) -> None:
    """Do what the kernel does on Linux."""
    while os.getppid() == supervisor:
        sleep(_LOOK_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
