"""What goes wrong inside a batch costs no more than it must: a text, a deletion, a write, a state that runs twice."""

from array import array
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from rag import errors
from rag.batches.answering import ComposeItem, GenerateItem
from rag.batches.collecting import CollectBatch
from rag.batches.contracts import (
    Batch,
    CollectBatchRequest,
    ComposeItemRequest,
    EmbedBatchRequest,
    EmbedBatchResponse,
    GenerateItemRequest,
    Terms,
)
from rag.batches.embedding import EmbedBatch
from rag.batches.staged import PartQuestion, StagedBatch, StagedItem, StagedPart, StagedQuestion
from rag.batches.staging import BatchStaging
from rag.composing import ComposePrompt
from rag.contracts import Passage, QueryRequest, Spent
from rag.generating import GenerateResponse
from rag.index_pointer import IndexTarget
from rag.models import Embeddings
from tests.fakes.batch_desk import TENANT, BatchDesk, FaultyObjects, WordEmbedder
from tests.fakes.machine import ExecutionFailed
from tests.fakes.memory_cache import MemoryCache
from tests.fakes.memory_objects import MemoryObjects
from tests.fakes.memory_pointer import MemoryPointer

TOO_LONG = errors.UpstreamRejected("The embedding endpoint refused the request.")
NO_VECTOR = errors.MalformedResponse("The embedding endpoint returned something that is no vector.")
LATE = errors.UpstreamUnavailable("The documents bucket is late.")
BATCH = Batch(prefix=f"batches/{TENANT}/execution")
TARGET = IndexTarget(model="words", dimensions=8)
SHARED = QueryRequest(
    query="?", rewritten_query=None, question="?", phrasings=[], top_k=5, tenant=TENANT, groups=[], filter=None,
    mode="dense",
)  # fmt: skip
SPENT = Spent(embedding_tokens=1, prompt_tokens=0, completion_tokens=0, cost_usd=None, cached_embedding=False)


@pytest.fixture
def desk() -> BatchDesk:
    desk = BatchDesk()
    desk.tell("The canary sings at noon.")
    return desk


def asked(desk: BatchDesk, *queries: Any, **fields: Any) -> Any:
    return desk.batch({"queries": list(queries), "tenant": TENANT, **fields})


def questions(count: int) -> list[str]:
    return [f"Does canary {number} sing at noon?" for number in range(count)]


@pytest.mark.parametrize("error", [TOO_LONG, NO_VECTOR])
@pytest.mark.parametrize("culprits", [{0}, {99}, {41}, {0, 1}, {7, 50, 93}, set(range(0, 100, 2)), set(range(1, 100))])
def test_a_text_that_the_model_refuses_fails_alone(desk: BatchDesk, culprits: set[int], error: Exception) -> None:
    texts = questions(100)
    desk.embedder.refusing = dict.fromkeys([texts[at] for at in culprits], error)

    output = asked(desk, *texts)

    failed = {"name": type(error).__name__, "message": str(error)}
    assert {one["index"]: one["error"] for one in output["results"] if one["status"] == "failed"} == dict.fromkeys(
        culprits, failed
    )
    answers = [one["answer"]["query"] for one in output["results"] if one["status"] == "ok"]
    assert answers == [text for at, text in enumerate(texts) if at not in culprits]
    assert (output["answered"], output["failed"]) == (100 - len(culprits), len(culprits))


def test_one_refused_text_of_a_hundred_costs_few_requests_and_no_text_is_billed_twice(desk: BatchDesk) -> None:
    texts = questions(100)
    desk.embedder.refusing = {texts[41]: TOO_LONG}

    results = asked(desk, *texts)["results"]

    assert len(desk.embedder.requests) <= 2 + 2 * 7
    billed = {one["index"]: one["answer"]["usage"]["embedding_tokens"] for one in results if one["status"] == "ok"}
    assert sum(billed.values()) == sum(len(texts[at].encode()) for at in billed)


def test_each_answer_beside_a_refused_text_is_that_of_a_single_query(desk: BatchDesk) -> None:
    desk.tell("Trains leave from the northern platform.")
    texts = ["Where do trains leave?", "x", "When does the canary sing?", "Where do trains leave?"]
    desk.embedder.refusing = {"x": TOO_LONG}
    alone = [desk.query({"query": texts[at], "tenant": TENANT}) for at in (0, 2)]

    results = asked(desk, *texts)["results"]

    answers = [results[at]["answer"] for at in (0, 2, 3)]
    assert [one["answer"] for one in answers] == [alone[at]["answer"] for at in (0, 1, 0)]
    assert [one["citations"] for one in answers] == [alone[at]["citations"] for at in (0, 1, 0)]


def test_a_refused_text_among_cached_ones_fails_alone(desk: BatchDesk) -> None:
    asked(desk, *questions(3))
    desk.embedder.refusing = {"canary?": TOO_LONG}

    output = asked(desk, *questions(3), "canary?")

    assert [one["status"] for one in output["results"]] == ["ok", "ok", "ok", "failed"]


def test_a_refused_text_of_a_bulk_run_keeps_its_id(desk: BatchDesk) -> None:
    desk.put(f"batches/{TENANT}/q.jsonl", {"query": "canary?"}, {"query": "canary!", "id": "long"})
    desk.embedder.refusing = {"canary!": TOO_LONG}

    output = desk.bulk({"queries_key": f"batches/{TENANT}/q.jsonl", "tenant": TENANT})

    lines = desk.stored(output["results_location"]).splitlines()
    failed = msgspec.json.decode(lines[1])
    assert (failed["index"], failed["id"], failed["error"]["name"]) == (1, "long", "UpstreamRejected")
    assert (output["answered"], output["failed"]) == (1, 1)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_batch_of_which_every_text_is_refused_fails(desk: BatchDesk, count: int) -> None:
    desk.embedder.refusing = dict.fromkeys(questions(count), TOO_LONG)

    with pytest.raises(ExecutionFailed) as caught:
        asked(desk, *questions(count))

    assert (caught.value.error, caught.value.cause) == ("UpstreamRejected", str(TOO_LONG))


def test_a_model_that_refuses_everything_is_found_out_at_once(desk: BatchDesk) -> None:
    class Unknown(WordEmbedder):
        def embed(self, texts: Sequence[str]) -> Embeddings:
            self.requests.append(list(texts))
            raise errors.UpstreamRejected("The embedding endpoint refused the request.")

    desk.embedder = Unknown(64)

    with pytest.raises(ExecutionFailed, match="UpstreamRejected"):
        asked(desk, *questions(100))

    assert len(desk.embedder.requests) == 2


@pytest.mark.parametrize(
    "error",
    [errors.CredentialsRejected("No key."), errors.QuotaExhausted("No credit."), errors.IndexUnavailable("No.")],
)
def test_what_no_text_is_to_blame_for_fails_the_batch_in_one_request(desk: BatchDesk, error: Exception) -> None:
    desk.embedder.refusing = {questions(9)[4]: error}

    with pytest.raises(ExecutionFailed, match=type(error).__name__):
        asked(desk, *questions(9))

    assert len(desk.embedder.requests) == 1


@pytest.mark.parametrize("failure", [LATE, errors.UpstreamRejected("The bucket refuses access.")])
def test_a_clean_up_that_fails_fails_no_batch(failure: Exception) -> None:
    objects = FaultyObjects()
    staging = BatchStaging(objects, BATCH)
    staging.write_items({0: StagedItem("q", SPENT, [], [])})
    staging.write_questions(StagedBatch(SHARED, TARGET, []), [])
    objects.failing["passages-"] = [failure]

    collected = CollectBatch(objects, "b")(CollectBatchRequest(batch=BATCH, outcomes=[], trace_id="t"))

    assert not collected.cleared
    assert collected.output.results == []


def test_what_every_attempt_has_staged_goes_when_the_batch_ends() -> None:
    objects = MemoryObjects()
    staging = BatchStaging(objects, BATCH)
    for query in ("first", "second"):
        staging.write_items({0: StagedItem(query, SPENT, [], [])})
    objects.write(staging.key("answer-00000.json"), b"{}")

    staging.clear_working()

    assert [info.key for info in objects.list("")] == [staging.key("answer-00000.json")]


def test_a_question_s_passages_stay_where_they_were_found_when_the_state_runs_again() -> None:
    objects = MemoryObjects()
    staging = BatchStaging(objects, BATCH)
    items = {index: StagedItem(f"question {index}", SPENT, [_passage()] * index, []) for index in range(3)}
    first = staging.write_items(items)

    staging.write_items({index: StagedItem("another " * 9, SPENT, [], []) for index in range(3)})

    assert [staging.item(place) for place in first] == list(items.values())
    compose = ComposeItem(objects, ComposePrompt(2_000))
    composed = compose(ComposeItemRequest(batch=BATCH, item=first[2], trace_id="t"))
    assert composed.response.request.query == "question 2"


def test_questions_keep_their_own_vectors_when_the_state_runs_again() -> None:
    staging = BatchStaging(MemoryObjects(), BATCH)
    question, vectors = StagedQuestion(0, "q", spent=SPENT), [array("f", [1] + [0] * 7), array("f", [0] * 7 + [1])]
    staging.write_questions(StagedBatch(SHARED, TARGET, [question]), vectors[:1])
    first = staging.questions()

    staging.write_questions(StagedBatch(SHARED, TARGET, [question, question]), vectors[::-1])

    assert staging.vectors(first) == vectors[:1]
    assert staging.vectors(staging.questions()) == vectors[::-1]


def test_an_answer_that_is_paid_for_is_written_again(desk: BatchDesk) -> None:
    desk.objects.failing["answer-00001"] = [LATE, errors.UpstreamThrottled("Slow down.")]

    output = asked(desk, *questions(3))

    assert output["answered"] == 3
    assert len(desk.chat.prompts) == 3
    assert desk.pauses
    assert all(0 < pause <= 1 for pause in desk.pauses)


def test_an_answer_that_can_never_be_written_is_not_tried_again() -> None:
    objects, desk, pauses = FaultyObjects(), BatchDesk(), list[float]()
    objects.failing["answer-"] = [errors.UpstreamRejected("The bucket refuses access.")]
    items = BatchStaging(objects, BATCH).write_items({0: StagedItem("q", SPENT, [_passage()], [])})
    composed = ComposeItem(objects, ComposePrompt(2_000))(ComposeItemRequest(batch=BATCH, item=items[0], trace_id="t"))
    generate = GenerateItem(objects, GenerateResponse(desk.chat, "m", "http://127.0.0.1/v1"), pauses.append)

    with pytest.raises(errors.UpstreamRejected):
        generate(GenerateItemRequest(batch=BATCH, index=0, request=composed.response.request, trace_id="t"))

    assert pauses == []


def embedded(objects: MemoryObjects, request: EmbedBatchRequest) -> EmbedBatchResponse:
    embed = EmbedBatch(objects, MemoryPointer(TARGET), lambda _: WordEmbedder(8), MemoryCache(), 5, "dense")
    return embed(request)


def staged_part(count: int = 1, tenant: str = TENANT) -> bytes:
    return msgspec.json.encode(StagedPart(Terms(tenant=tenant), 0, [PartQuestion("canary?")] * count))


@pytest.mark.parametrize(
    ("key", "content"),
    [
        (f"batches/{TENANT}/run/part-00000/part.json", staged_part(tenant="other")),
        (f"batches/{TENANT}-2/run/part-00000/part.json", staged_part()),
        (f"batches/{TENANT}/run/part-00000/part.json", staged_part(101)),
        (f"documents/{TENANT}/part.json", staged_part()),
        (f"batches/{TENANT}/run/part-00000/plan.json", staged_part()),
    ],
)
def test_a_part_is_one_of_its_tenant_s_and_of_a_hundred_questions(key: str, content: bytes) -> None:
    objects = MemoryObjects()
    objects.write(key, content)

    with pytest.raises(errors.InvalidRequest, match="part must be"):
        embedded(objects, EmbedBatchRequest(part=key, trace_id="t"))


def test_a_part_of_a_hundred_questions_is_embedded() -> None:
    objects, key = MemoryObjects(), f"batches/{TENANT}/run/part-00000/part.json"
    objects.write(key, staged_part(100))

    assert embedded(objects, EmbedBatchRequest(part=key, trace_id="t")).questions == 100


def test_an_embed_state_that_is_given_neither_a_batch_nor_a_part_says_what_it_wants() -> None:
    with pytest.raises(errors.InvalidRequest, match="queries"):
        embedded(MemoryObjects(), EmbedBatchRequest(trace_id="t"))


def _passage() -> Passage:
    return Passage(
        chunk_id="c", document_id="d", title="T", source="s", heading="", text="The canary sings.", tokens=4, start=0,
        end=17, page=None, metadata={}, score=1.0,
    )  # fmt: skip
