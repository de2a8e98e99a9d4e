"""An answer within its bounds: its markers point at passages, and it carries no link or markup that these do not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rag.citations import CitedAnswer, resolve
from rag.cleaning import cleaned
from rag.contracts import Citation, Prompt
from rag.markup import plain

_ROUNDS: Final = 6  # what one step takes out may bring together what the other one looks for


@dataclass(frozen=True, slots=True)
class BoundedAnswer:
    """What of an answer may be shown, and how many links and elements were taken out of it."""

    cited: CitedAnswer
    links_removed: int


def bounded(answer: str, prompt: Prompt) -> BoundedAnswer:
    """Return the answer with valid markers, without what cannot be seen, and without what no cited passage holds.

    It is judged as it will be shown, over and over until nothing changes; one that resists has no citations, so that
    none of it is given.
    """
    text = cleaned(answer).text
    first = dict[int, Citation]()  # found with what the model said, before anything was taken out
    links = markers = 0
    for _ in range(_ROUNDS):
        cited = resolve(text, prompt)
        first = {citation.n: citation for citation in cited.citations} | first
        markers += cited.removed
        shown = plain(cited.text, _cited(prompt, cited))
        if shown is None:
            break
        links += shown.removed
        if shown.text == cited.text:
            citations = [first[citation.n] for citation in cited.citations]
            return BoundedAnswer(CitedAnswer(shown.text, citations, markers), links)
        text = shown.text
    return BoundedAnswer(CitedAnswer("", [], markers), links)


def _cited(prompt: Prompt, cited: CitedAnswer) -> Iterator[str]:
    """Yield the texts and labels of the cited passages, of those whose links are to be trusted."""
    numbers = {citation.n for citation in cited.citations}
    for source in prompt.sources:
        if source.n in numbers and not source.suspicious:
            yield from (prompt.user[source.text_start : source.text_end], source.title, source.source)
