"""The translation in a process of its own: its imports take more than a second, in which others can be made.

Run as a module, it reads a prepared template and its parameters from standard input, as JSON, and prints JSON.
"""

import json
import subprocess
import sys
from dataclasses import replace
from threading import Thread
from typing import IO

from ragctl.local.services import bound_to_this_process
from ragctl.local.translation import TemplateError, Translation, transform


class Translating:
    """A translation under way."""

    def __init__(self, prepared: Translation) -> None:
        self._prepared = prepared
        piped = {**bound_to_this_process("ragctl.local.translation_process", []), "stdin": subprocess.PIPE}
        self._process = subprocess.Popen(**piped, stdout=subprocess.PIPE)
        question = json.dumps([prepared.template, dict(prepared.parameters)], default=str).encode()
        Thread(target=_hand_over, args=(question, self._process.stdin), daemon=True).start()  # it reads when it can

    def result(self) -> Translation:
        """Wait for it.

        Raises:
            TemplateError: the template does not translate.
        """
        assert self._process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        answer = self._process.stdout.read()
        if self._process.wait() != 0:
            raise TemplateError("The template's translation broke down: see above.")
        told = json.loads(answer)
        if "error" in told:
            raise TemplateError(told["error"])
        return replace(self._prepared, template=told["template"])

    def stop(self) -> None:
        """End it if nobody waits for it any more."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _hand_over(question: bytes, to: IO[bytes] | None) -> None:
    if to is not None:
        with to:
            to.write(question)


def main() -> None:
    """Translate, and print the template or the error."""
    template, parameters = json.load(sys.stdin)
    told: dict[str, object]
    try:
        told = {"template": transform(template, parameters)}
    except TemplateError as error:
        told = {"error": str(error)}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
