"""Counts tokens as OpenAI's embedding models do, with a vocabulary that comes with the package.

The encoding is `cl100k_base`, that of text-embedding-3. Other models count a little differently, which the sizes chosen
here leave room for. `tiktoken`, the obvious library, downloads its vocabulary at run time.
"""

from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bpe_openai._bindings import PyTokenizer

_ENCODING: Final = "cl100k_base"


def count_tokens(text: str) -> int:
    """Return the number of tokens of a text. What looks like a special token is text like any other."""
    return int(_tokenizer().count(text))


@cache
def _tokenizer() -> "PyTokenizer":
    # The package's public face builds tables of every vocabulary in Python first, which takes more than a second.
    from bpe_openai._bindings import tokenizer_for_encoding

    return tokenizer_for_encoding(_ENCODING)
