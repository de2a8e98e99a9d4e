"""Write `common_words.json`, the stems that are commonest in English, from the vocabulary of a tokenizer.

Byte-pair encoding takes the pair that is most frequent into its vocabulary first, so the ranks of the tokens that are
whole words, with the blank before them, order words by how common they are. The vocabulary is OpenAI's `cl100k_base` as
the package bpe-openai (MIT) carries it. Run as `.venv/bin/python scripts/common_words.py`.
"""

import base64
import gzip
import importlib.resources
import json
import re
import sys
import textwrap
from pathlib import Path
from typing import Final

from rag.words import searched_words

LAYER: Final = Path(__file__).parents[1] / "layers" / "rag"
TABLE: Final = LAYER / "rag" / "adapters" / "common_words.json"
STEMS: Final = 2_000

_SOURCE: Final = "cl100k_base of bpe-openai (MIT), made by scripts/common_words.py"
_WORD: Final = re.compile(rb" ([a-z]{2,})")


def stems() -> list[str]:
    """Return the stems of the vocabulary's words, each where the commonest of its words stands; stop words are out."""
    vocabulary = importlib.resources.files("bpe_openai") / "data" / "cl100k_base.tiktoken.gz"
    tokens = [base64.b64decode(line.split()[0]) for line in gzip.decompress(vocabulary.read_bytes()).splitlines()]
    words = [word[1].decode() for word in map(_WORD.fullmatch, tokens) if word]
    return list(dict.fromkeys(stem for word in words for stem in searched_words(word)))


def table() -> str:
    """Return the file's text."""
    lines = textwrap.wrap(" ".join(stems()[:STEMS]), 110)
    return json.dumps({"source": _SOURCE, "stems": lines}, indent=1) + "\n"


if __name__ == "__main__":
    sys.path.insert(0, str(LAYER))
    TABLE.write_text(table(), encoding="utf-8")
