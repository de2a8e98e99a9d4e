"""Where an error was raised, for logs: its message may quote what a user said."""

from pathlib import Path


def place_of(error: BaseException) -> str:
    """Return the file's name and the line."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return "an unknown place"
    return f"{Path(traceback.tb_frame.f_code.co_filename).name}:{traceback.tb_lineno}"
