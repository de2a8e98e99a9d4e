"""A batch from its input to its output, with the real use cases: questions judged one by one, calls made together."""

import json
from typing import Any

import pytest

from rag import errors
from rag.batches.contracts import MAX_RESULTS_BYTES
from tests.fakes.batch_desk import STATE_LIMIT, TENANT, BatchDesk
from tests.fakes.machine import ExecutionFailed

BIRDS = "The canary sings at noon."
TRAINS = "Trains leave from the northern platform."
QUERIES = ["When does the canary sing at noon?", "Which platform do trains leave from?", "Xyzzy plugh?"]


@pytest.fixture
def desk() -> BatchDesk:
    desk = BatchDesk()
    desk.tell(BIRDS, TRAINS)
    return desk


def asked(desk: BatchDesk, *queries: Any, **fields: Any) -> Any:
    return desk.batch({"queries": list(queries), "tenant": TENANT, **fields})


def refusal(desk: BatchDesk, execution_input: Any) -> tuple[str, str]:
    with pytest.raises(ExecutionFailed) as caught:
        desk.batch(execution_input)
    return caught.value.error, caught.value.cause


def test_every_question_comes_back_in_the_order_asked(desk: BatchDesk) -> None:
    output = asked(desk, *QUERIES)

    results = output["results"]
    assert [(result["index"], result["status"]) for result in results] == [(0, "ok"), (1, "ok"), (2, "ok")]
    assert [result["answer"]["query"] for result in results] == QUERIES
    assert [result["answer"]["answered"] for result in results] == [True, True, False]
    assert [citation["quote"] for result in results for citation in result["answer"]["citations"]] == [BIRDS, TRAINS]
    assert (output["answered"], output["failed"], output["trace_id"]) == (2, 0, "execution")


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical", "pruned"])
def test_each_answer_is_that_of_a_single_query(mode: str) -> None:
    batched, single = BatchDesk(), BatchDesk()
    for desk in (batched, single):
        desk.tell(BIRDS, TRAINS)

    results = asked(batched, *QUERIES, mode=mode)["results"]

    alone = [single.query({"query": query, "tenant": TENANT, "mode": mode}) for query in QUERIES]
    assert [result["answer"] for result in results] == alone


def test_what_no_cache_holds_is_embedded_in_one_request_each_text_once(desk: BatchDesk) -> None:
    asked(desk, QUERIES[0])
    desk.embedder.requests.clear()

    results = asked(desk, QUERIES[0], QUERIES[1], QUERIES[1], f" {QUERIES[2]} ")["results"]

    assert desk.embedder.requests == [[QUERIES[1], QUERIES[2]]]
    assert [result["answer"]["cached_embedding"] for result in results] == [True, False, True, False]


def test_the_tokens_of_the_one_request_are_shared_among_the_questions(desk: BatchDesk) -> None:
    results = asked(desk, *QUERIES, QUERIES[0])["results"]

    billed = [result["answer"]["usage"]["embedding_tokens"] for result in results]
    assert sum(billed) == sum(len(query.encode()) for query in QUERIES)
    assert all(billed[:3])
    assert billed[3] == 0


@pytest.mark.parametrize(
    ("mode", "legs"), [("hybrid", {"dense", "lexical"}), ("dense", {"dense"}), ("lexical", {"lexical"})]
)
def test_all_questions_go_through_each_leg_in_one_search(desk: BatchDesk, mode: str, legs: set[str]) -> None:
    asked(desk, *(f"{QUERIES[0]} {number}" for number in range(100)), mode=mode)

    assert sorted(desk.store.searches) == [(leg, 100) for leg in sorted(legs)]


def test_lexical_mode_embeds_nothing(desk: BatchDesk) -> None:
    output = asked(desk, *QUERIES, mode="lexical")

    assert output["answered"] == 2
    assert desk.embedder.requests == []


@pytest.mark.parametrize("malformed", [None, 7, ["a"], {"query": "a"}, "", " \n ", "x" * 8_001, "\ud800"])
def test_a_malformed_question_fails_alone(desk: BatchDesk, malformed: Any) -> None:
    output = asked(desk, QUERIES[0], malformed, QUERIES[1])

    good, bad, other = output["results"]
    assert (good["status"], other["status"]) == ("ok", "ok")
    assert (bad["index"], bad["status"], bad["error"]["name"]) == (1, "failed", "InvalidRequest")
    assert bad["error"]["message"].startswith("query must be")
    assert "answer" not in bad
    assert (output["answered"], output["failed"]) == (2, 1)


def test_a_batch_of_malformed_questions_alone_costs_nothing(desk: BatchDesk) -> None:
    output = asked(desk, None, "")

    assert (output["answered"], output["failed"]) == (0, 2)
    assert (desk.embedder.requests, desk.store.searches, desk.chat.prompts) == ([], [], [])


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"queries": []}, "queries"),
        ({"queries": ["a"] * 101}, "queries"),
        ({"queries": "a"}, "queries"),
        ({}, "queries"),
        ({"queries": ["a"], "top_k": 0}, "top_k must be"),
        ({"queries": ["a"], "tenant": "No Tenant"}, "tenant must be"),
        ({"queries": ["a"], "groups": "a"}, "groups must be"),
        ({"queries": ["a"], "mode": "psychic"}, "mode must be"),
        ({"queries": [None], "filter": {"$near": 1}}, ""),
        ({"queries": ["a"], "history": []}, "unknown field"),
        ({"queries": ["a"], "filter": {"f": "x" * 20_000}}, "filter"),
        ({"part": "batches/acme/execution/part-00000/part.json"}, ""),
        ({"queries": ["a"], "part": "batches/acme/execution/part-00000/part.json"}, "unknown field"),
    ],
)
def test_what_all_questions_share_fails_the_batch_when_it_is_malformed(
    desk: BatchDesk, fields: dict[str, Any], complaint: str
) -> None:
    error, cause = refusal(desk, fields)

    assert error == "InvalidRequest"
    assert complaint in cause
    assert desk.embedder.requests == []


def test_tenant_and_filter_hold_for_all_questions(desk: BatchDesk) -> None:
    assert desk.batch({"queries": QUERIES, "tenant": "other"})["answered"] == 0
    assert asked(desk, *QUERIES, filter={"year": 2024})["answered"] == 0


def test_groups_open_what_is_theirs_to_all_questions() -> None:
    desk = BatchDesk()
    desk.tell(BIRDS, TRAINS, groups=("staff",))

    assert asked(desk, *QUERIES)["answered"] == 0
    assert asked(desk, *QUERIES, groups=["staff"])["answered"] == 2


@pytest.mark.parametrize("top_k", [1, 2, 7])
def test_top_k_holds_for_all_questions(top_k: int) -> None:
    desk = BatchDesk()
    desk.tell(*(f"The canary sings {number} songs." for number in range(9)))

    asked(desk, "What does the canary sing?", "Which songs?", top_k=top_k)

    assert [prompt.count("<passage-") for prompt in desk.chat.prompts] == [top_k, top_k]


def test_vectors_are_reused_within_a_tenant_alone(desk: BatchDesk) -> None:
    asked(desk, QUERIES[0])
    desk.batch({"queries": [QUERIES[0]], "tenant": "other"})
    asked(desk, QUERIES[0])

    assert desk.embedder.requests == [[QUERIES[0]], [QUERIES[0]]]


def test_a_question_that_the_model_fails_on_fails_alone(desk: BatchDesk) -> None:
    desk.chat.failing["platform do trains"] = errors.UpstreamRejected("The chat endpoint refuses the request.")

    output = asked(desk, *QUERIES)

    error = {"name": "UpstreamRejected", "message": "The chat endpoint refuses the request."}
    assert output["results"][1] == {"index": 1, "status": "failed", "error": error}
    assert [result["status"] for result in output["results"]] == ["ok", "failed", "ok"]
    assert (output["answered"], output["failed"]) == (1, 1)


def test_a_reranker_that_fails_is_told_in_each_answer(desk: BatchDesk) -> None:
    class Broken:
        def rerank(self, query: str, passages: Any) -> list[float]:
            raise errors.UpstreamUnavailable("It is late.")

    desk.reranker = Broken()

    results = asked(desk, *QUERIES[:2])["results"]

    assert [result["answer"]["degraded"] for result in results] == [["rerank"], ["rerank"]]


@pytest.mark.parametrize(("words", "elsewhere"), [(66, False), (76, True), (120, True)])
def test_a_state_carries_results_of_up_to_150_kib(desk: BatchDesk, words: int, elsewhere: bool) -> None:
    desk.chat.says = "It is so [1]. " * words

    output = asked(desk, *([QUERIES[0]] * 100))

    assert ("results_location" in output) is elsewhere
    taken = len(desk.stored(output["results_location"]) if elsewhere else json.dumps(output["results"]).encode())
    assert (taken > 150 * 1024) is elsewhere
    assert taken < STATE_LIMIT


def test_results_beyond_150_kib_are_in_the_bucket(desk: BatchDesk) -> None:
    desk.chat.says = "It is so [1]. " * 300

    output = asked(desk, *([QUERIES[0]] * 100))

    assert set(output) == {"results_location", "answered", "failed", "trace_id"}
    results = json.loads(desk.stored(output["results_location"]))
    assert [result["index"] for result in results] == list(range(100))
    assert len(json.dumps(results)) > MAX_RESULTS_BYTES
    assert output["answered"] == 100


def test_a_hundred_long_questions_of_3_072_dimensions_fit_in_no_state_but_in_the_bucket() -> None:
    desk = BatchDesk(dimensions=3_072)
    desk.tell(BIRDS)
    lines = [f"canary {number} " + "\U0001f600" * 7_980 for number in range(100)]
    desk.put(f"batches/{TENANT}/q.jsonl", *lines)

    output = desk.bulk({"queries_key": f"batches/{TENANT}/q.jsonl", "tenant": TENANT})

    results = [json.loads(line) for line in desk.stored(output["results_location"]).splitlines()]
    assert [result["answer"]["query"] for result in results] == lines
    assert output["answered"] == 100
    assert max(sum(len(text.encode()) for text in texts) for texts in desk.embedder.requests) <= 200 * 1024


@pytest.mark.parametrize("unit", ["\U0001f600", "\x01", '"', "x"], ids=ascii)
def test_long_questions_with_long_passages_fit_in_every_state(unit: str) -> None:
    desk = BatchDesk()
    desk.tell(*(f"canary {number} {unit * 7_000}" for number in range(30)))

    output = desk.batch({"queries": [f"canary {unit * 7_900}" for _ in range(4)], "tenant": TENANT, "top_k": 30})

    assert output["answered"] == 4


def test_what_is_staged_lies_below_the_tenant_and_the_execution(desk: BatchDesk) -> None:
    asked(desk, *QUERIES)

    keys = [info.key for info in desk.objects.list("")]
    assert keys
    assert all(key.startswith(f"batches/{TENANT}/execution/") for key in keys)


def test_passages_and_vectors_go_when_the_batch_ends(desk: BatchDesk) -> None:
    asked(desk, *QUERIES)

    left = sorted(info.key.rpartition("/")[2] for info in desk.objects.list(""))
    assert left == ["answer-00000.json", "answer-00001.json", "questions.json", "refusals.json"]


def test_a_state_that_runs_again_stages_the_same(desk: BatchDesk) -> None:
    first = asked(desk, *QUERIES)["results"]
    again = asked(desk, *QUERIES)["results"]

    assert [result["answer"]["answer"] for result in again] == [result["answer"]["answer"] for result in first]
