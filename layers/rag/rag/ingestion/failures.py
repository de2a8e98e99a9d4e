"""Errors as the state machines name them, in words that a person can act on."""

from typing import Final

import msgspec

from rag import errors

_TIMED_OUT: Final = frozenset({"Sandbox.Timedout", "States.Timeout"})
_ENDED: Final = frozenset({"Runtime.ExitError", "Runtime.OutOfMemory"})
_TOO_LONG: Final = "Reading it took too long, or one of the later steps did. Split it into smaller files, or try again."
_KILLED: Final = (
    "The function was ended while it worked on this, most often for want of memory. Split the file, or give the "
    "function more memory."
)
_BROKE: Final = "A step of its ingestion broke. The execution's history and the functions' logs tell why."


class _Cause(msgspec.Struct):
    message: str = msgspec.field(name="errorMessage")


def reason_of(error: str, cause: str) -> str:
    """Return why an execution failed: our own errors' message, and for all others a text that quotes nothing."""
    if error in _TIMED_OUT:
        return _TOO_LONG
    if error in _ENDED:
        return _KILLED
    if _is_ours(error):
        try:
            return msgspec.json.decode(cause, type=_Cause).message or _BROKE
        except msgspec.MsgspecError:
            return _BROKE
    return _BROKE


def _is_ours(name: str) -> bool:
    found = getattr(errors, name, None)
    return isinstance(found, type) and issubclass(found, errors.RagError)
