"""The local chat model: quotes the sentences that answer the question, or says that it does not know."""

import numpy as np

from ragctl.local.models.embeddings import WordLlamaEmbedder
from ragctl.local.models.prompt import Prompt
from ragctl.local.models.relevance import Relevance, candidates

REFUSAL = "I don't know."
ENOUGH = 0.57
"""Relevance below this declines: 1 % of XQuAD's questions beside their paragraph, 80 % beside other articles' ones."""
ALSO = 0.7
"""The share of the best sentence's relevance that a second one must have to be quoted beside it."""


class ExtractiveAnswerer:
    """Answers from the passages of a composed prompt, word for word."""

    def __init__(self, embedder: WordLlamaEmbedder) -> None:
        self._relevance = Relevance(embedder)

    def answer(self, prompt: Prompt) -> str:
        """Return the best sentence or two, each verbatim and followed by its ` [n]`, or the refusal."""
        found = candidates(prompt.passages)
        if not found or not prompt.question:
            return REFUSAL
        scores = self._relevance.scores(prompt.question, found)
        ranked = np.argsort(-scores, kind="stable")[:2]
        best = float(scores[ranked[0]])
        if best < ENOUGH:
            return REFUSAL
        quoted = [found[index] for index in ranked if scores[index] >= ALSO * best]
        return "\n".join(f"{candidate.sentence.text} [{candidate.passage.n}]" for candidate in quoted)
