"""The batch machines on their real use cases, and these on fakes: a bucket, a store, models that count their calls."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rag import vectors
from rag.batches.answering import ComposeItem, GenerateItem
from rag.batches.collecting import CollectBatch
from rag.batches.contracts import (
    CollectBatchRequest,
    CollectBulkRequest,
    ComposeItemRequest,
    EmbedBatchRequest,
    GenerateItemRequest,
    GenerateItemResponse,
    PlanBatchRequest,
    SearchBatchRequest,
)
from rag.batches.embedding import EmbedBatch
from rag.batches.joining import CollectBulk
from rag.batches.planning import PlanBatch
from rag.batches.reranking import PatientReranker
from rag.batches.searching import SearchBatch
from rag.composing import ComposePrompt
from rag.contract import to_state
from rag.contracts import ComposeRequest, EmbedRequest, GenerateRequest, SearchRequest
from rag.embedding import EmbedQuery
from rag.generating import GenerateResponse
from rag.identity import chunk_id
from rag.index_pointer import IndexTarget
from rag.models import EVERYONE, Chunk, Completion, Embeddings, IndexedChunk, ScoredChunk
from rag.retrieval import Retriever
from rag.searching import SearchVectors
from rag.tuning import Overrides, rules_of
from tests.fakes.fixed_results import Live
from tests.fakes.machine import Machine
from tests.fakes.memory_cache import MemoryCache
from tests.fakes.memory_objects import MemoryObjects
from tests.fakes.memory_pointer import MemoryPointer
from tests.fakes.memory_store import MemoryStore

BUCKET = "documents"
TENANT = "acme"
STATE_LIMIT = 262_144  # bytes of UTF-8: input and output of every state

_DEFINITIONS = Path(__file__).parents[2] / "statemachine"


class WordEmbedder:
    """Adds up a direction for each word of a text, and remembers the texts of each request.

    A request with a text that is to be refused fails as a whole.
    """

    model = "words"
    endpoint = "http://127.0.0.1/v1"

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self.requests: list[list[str]] = []
        self.refusing: dict[str, Exception] = {}

    def embed(self, texts: Sequence[str]) -> Embeddings:
        self.requests.append(list(texts))
        for text in texts:
            if text in self.refusing:
                raise self.refusing[text]
        return Embeddings([self.vector(text) for text in texts], tokens=sum(len(text.encode()) for text in texts))

    def vector(self, text: str) -> Any:
        components = [0.0] * self.dimensions
        for word in text.lower().replace("?", "").replace(".", "").split() or [text]:
            place = int.from_bytes(hashlib.sha256(word.encode("utf-8", "replace")).digest()[:4], "big")
            components[place % self.dimensions] += 1
        return vectors.unit(components)


class CountingStore(MemoryStore):
    """Remembers how many queries each search held."""

    def __init__(self, dimensions: int) -> None:
        super().__init__(dimensions)
        self.searches: list[tuple[str, int]] = []

    def dense(self, vectors: Sequence[Any], *rest: Any) -> list[list[ScoredChunk]]:
        self.searches.append(("dense", len(vectors)))
        return super().dense(vectors, *rest)

    def lexical(self, texts: Sequence[str], *rest: Any) -> list[list[ScoredChunk]]:
        self.searches.append(("lexical", len(texts)))
        return super().lexical(texts, *rest)


class FaultyObjects(MemoryObjects):
    """Fails to write or to delete what is named after something, as often as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.failing: dict[str, list[Exception]] = {}

    def write(self, key: str, content: bytes) -> None:
        self._fail(key)
        super().write(key, content)

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._fail(key)
        super().delete(keys)

    def _fail(self, key: str) -> None:
        for part, failures in self.failing.items():
            if part in key and failures:
                raise failures.pop(0)


class Chat:
    """Cites the first passage, or fails for questions that it is told to."""

    def __init__(self) -> None:
        self.failing: dict[str, Exception] = {}
        self.says = "It is written there [1]."
        self.prompts: list[str] = []

    def complete(self, system: str, user: str) -> Completion:
        self.prompts.append(user)
        for part, error in self.failing.items():
            if part in user:
                raise error
        return Completion(self.says, "quoting", 100, 10, "stop")


class BatchDesk:
    """A deployment in memory; every question shares its words with what was told it."""

    def __init__(self, dimensions: int = 64, mode: Any = "hybrid") -> None:
        self.objects = FaultyObjects()
        self.embedder = WordEmbedder(dimensions)
        self.store = CountingStore(dimensions)
        self.chat = Chat()
        self.cache = MemoryCache()
        self.reranker: Any = None
        self.pauses: list[float] = []
        self._pointer = MemoryPointer(IndexTarget(model=WordEmbedder.model, dimensions=dimensions))
        self._mode = mode

    def tell(self, *texts: str, groups: tuple[str, ...] = (EVERYONE,), tenant: str = TENANT) -> None:
        """Index a document of one chunk for each text."""
        chunks = [
            Chunk(chunk_id(tenant, f"{number}.md", "v", 0), f"{number}.md", "v", 0, "T",
                  f"{number}.md", text, len(text.split()), 0, len(text), groups=groups)
            for number, text in enumerate(texts)
        ]  # fmt: skip
        self.store.upsert(tenant, [IndexedChunk(chunk, self.embedder.vector(chunk.text)) for chunk in chunks])

    def batch(self, execution_input: Any, name: str = "execution") -> Any:
        """Run the batch machine, and return its output."""
        return self._machine("batch").run(execution_input, name)

    def bulk(self, execution_input: Any, name: str = "execution") -> Any:
        """Run the bulk machine, and return its output."""
        return self._machine("batch_bulk").run(execution_input, name)

    def query(self, execution_input: Any, name: str = "execution") -> Any:
        """Run the query machine, and return its output."""
        return self._machine("query").run(execution_input, name)

    def put(self, key: str, *lines: Any) -> str:
        """Put a JSONL file in the bucket."""
        self.objects.write(key, b"\n".join(json.dumps(line).encode() for line in lines))
        return key

    def stored(self, location: str) -> bytes:
        """Return what is at s3://BUCKET/KEY."""
        content = self.objects.read(location.removeprefix(f"s3://{BUCKET}/"))
        assert content is not None
        return content.data

    def _machine(self, name: str) -> Machine:
        definition = json.loads((_DEFINITIONS / f"{name}.asl.json").read_text().replace("${ChatModel}", "quoting"))
        return Machine(definition, self._functions(), lists=lambda key: json.loads(self.stored(key)), observe=_weigh)

    def _functions(self) -> Mapping[str, Callable[[Any], Any]]:
        rules = rules_of("hybrid: 1 lexical >= 0.01; lexical: 1 lexical >= 0.01; dense: 1 dense >= 0.2; pruned: always")
        retriever = Retriever(lambda _: self.store, Live(), Overrides(relevance=rules).tuning_of)
        search = SearchVectors(retriever, reranker=self.reranker)
        compose = ComposePrompt(2_000, mark=lambda: "mark")
        patient = partial(PatientReranker, pause=self.pauses.append)
        generate = GenerateResponse(self.chat, "quoting", "http://127.0.0.1/v1")
        objects = self.objects
        embedding: Any = (self._pointer, lambda _: self.embedder, self.cache, 5, self._mode)
        generate_item = GenerateItem(objects, generate, self.pauses.append)

        def item_generated(event: Any) -> Any:
            generate_item(GenerateItemRequest.parse(event))
            return GenerateItemResponse(index=event["index"])

        use_cases: dict[str, Callable[[Any], Any]] = {
            "EmbedBatch": lambda event: EmbedBatch(objects, *embedding)(EmbedBatchRequest.parse(event)),
            "SearchBatch": lambda event: SearchBatch(objects, search, "quoting", patient)(
                SearchBatchRequest.parse(event)
            ),
            "ComposeItem": lambda event: ComposeItem(objects, compose)(ComposeItemRequest.parse(event)).response,
            "GenerateItem": item_generated,
            "CollectBatch": lambda event: CollectBatch(objects, BUCKET)(CollectBatchRequest.parse(event)).output,
            "PlanBatch": lambda event: PlanBatch(objects, BUCKET)(PlanBatchRequest.parse(event)),
            "CollectBulk": lambda event: CollectBulk(objects, BUCKET)(CollectBulkRequest.parse(event)),
            "Embed": lambda event: EmbedQuery(*embedding)(EmbedRequest.parse(event)).response,
            "Search": lambda event: search(SearchRequest.parse(event)).response,
            "Compose": lambda event: compose(ComposeRequest.parse(event)),
            "Generate": lambda event: generate(GenerateRequest.parse(event)).answer,
        }
        return {name: _stateful(use_case) for name, use_case in use_cases.items()}


def _weigh(name: str, document: Any) -> None:
    """Hold each input, output and state to what Step Functions carries."""
    size = len(json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    assert size < STATE_LIMIT, f"{name}: {size} bytes"


def _stateful(use_case: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda event: to_state(use_case(event))
