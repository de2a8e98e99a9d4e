"""`python -m ragctl` is `rag`."""

from ragctl.cli import main

main()
