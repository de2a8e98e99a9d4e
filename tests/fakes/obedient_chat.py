"""A chat model that does whatever it reads: the worst that a real one could be brought to.

An order in a passage begins with `DO:` at the beginning of a line, and reaches to the next one or to the passage's end.
It is obeyed word for word, with `{secret}`, `{system}`, `{question}` and `{others}` filled in from all that the model
can see. A passage without orders is repeated as it is.
"""

import re
from typing import Any
from urllib.parse import quote

from rag.models import Completion
from tests.fakes.faulty_http import Request, Response
from tests.fakes.openai_server import OpenAIServer

_ORDER = re.compile(r"^DO: ?(.*?)\n?(?=^DO:|\Z)", re.MULTILINE | re.DOTALL)
_PASSAGE = re.compile(
    r'<passage-(\w+) n="(\d+)" title="([^"\n]*)" source="([^"\n]*)">\n(.*?)\n</passage-\1>', re.DOTALL
)


def obeyed(system: str, user: str) -> str:
    """Return what the model writes: every order of every passage carried out, and every passage cited."""
    passages = _PASSAGE.findall(user)
    everything = " ".join(text for *_, text in passages)
    known = {
        "{system}": system,
        "{question}": user[user.rfind("<question-") :],
        "{others}": everything,
        "{secret}": quote(f"{system} {user}", safe="")[:2_000],
    }
    said = []
    for _, n, title, source, text in passages:
        orders = _ORDER.findall(text) or [text]
        for order in orders:
            for name, value in known.items():
                order = order.replace(name, value)  # noqa: PLW2901 - it is filled in step by step
            said.append(f"{order} [{n}]")
        said.append(f"It says {title} in {source} [{n}].")
    return "\n".join(said) or "There is nothing to obey [1]."


class ObedientChat:
    """The model as a port; `seen` holds the prompts that it read."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def complete(self, system: str, user: str) -> Completion:
        self.seen.append(f"{system}\n{user}")
        return Completion(obeyed(system, user), "obedient", 100, 50, "stop")


class ObedientServer(OpenAIServer):
    """The model behind an OpenAI-compatible endpoint."""

    def _completion(self, body: dict[str, Any]) -> Response:
        by_role = {message["role"]: message["content"] for message in body["messages"]}
        self.say(obeyed(by_role.get("system", ""), by_role["user"]))
        return super()._completion(body)

    def prompts(self) -> list[str]:
        """Return the user messages that it was sent."""
        asked: list[Request] = [request for request in self.requests if request.path == "/v1/chat/completions"]
        return [request.json()["messages"][-1]["content"] for request in asked]
