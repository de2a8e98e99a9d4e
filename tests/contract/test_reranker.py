"""Every reranker through its real client, against a socket that answers well, badly, late and never."""

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from rag import errors
from tests.contract.rerankers import SERVICES, Service
from tests.fakes import faulty_http as faults
from tests.fakes.rerank_server import RerankServer, relevance

CANARY = "canary question"
PASSAGES = ["nothing of it", "canary and question", "a canary", "question, ünïcode 🐤"]
SHORT = 1.0  # seconds, for calls that are not to succeed

every_service = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
services_with_a_key = pytest.mark.parametrize(
    "service", [service for service in SERVICES if service.has_key], ids=lambda service: service.name
)


@pytest.fixture
def server() -> Iterator[RerankServer]:
    with RerankServer() as running:
        yield running


@every_service
def test_relevance_comes_back_in_the_order_asked(server: RerankServer, service: Service) -> None:
    judged = service.rerank(server, CANARY, PASSAGES)

    assert judged == pytest.approx([relevance(CANARY, passage) for passage in PASSAGES])


@every_service
def test_one_passage_is_judged(server: RerankServer, service: Service) -> None:
    assert service.rerank(server, CANARY, ["a canary question"]) == pytest.approx([1.0])


@every_service
def test_a_hundred_passages_are_one_request(server: RerankServer, service: Service) -> None:
    assert len(service.rerank(server, CANARY, [f"canary {number}" for number in range(100)])) == 100
    assert len(server.requests) == 1


@every_service
def test_the_same_passage_twice_is_judged_twice(server: RerankServer, service: Service) -> None:
    assert service.rerank(server, CANARY, ["a canary", "a canary"]) == pytest.approx([0.5, 0.5])


@every_service
def test_any_finite_scale_is_passed_on(server: RerankServer, service: Service) -> None:
    server.next(faults.answer_json(service.form.answer([(1, 11.5), (0, -8.25)])))

    assert service.rerank(server, CANARY, PASSAGES[:2]) == [-8.25, 11.5]


@every_service
@pytest.mark.parametrize(
    "judgements",
    [
        pytest.param([(0, 0.5)], id="too few"),
        pytest.param([(0, 0.5), (1, 0.4), (2, 0.3)], id="too many"),
        pytest.param([(0, 0.5), (0, 0.4)], id="one twice"),
        pytest.param([(0, 0.5), (1, 0.4), (1, 0.3)], id="one twice, and every one"),
        pytest.param([(0, 0.5), (2, 0.4)], id="one unknown"),
        pytest.param([(0, 0.5), (-1, 0.4)], id="one from the end"),
        pytest.param([(0, 0.5), ("1", 0.4)], id="a place that is text"),
        pytest.param([(0, 0.5), (None, 0.4)], id="no place"),
        pytest.param([(0, 0.5), (0.5, 0.4)], id="between two places"),
        pytest.param([(0, 0.5), (1, float("nan"))], id="not a number"),
        pytest.param([(0, 0.5), (1, float("inf"))], id="infinite"),
        pytest.param([(0, 0.5), (1, None)], id="no relevance"),
        pytest.param([(0, 0.5), (1, "high")], id="relevance in words"),
        pytest.param([(0, 0.5), (1, True)], id="a truth value"),
        pytest.param([], id="nothing"),
    ],
)
def test_judgements_that_cannot_be_used_are_malformed(server: RerankServer, service: Service, judgements: Any) -> None:
    server.next(faults.answer_json(service.form.answer(judgements)))

    with pytest.raises(errors.MalformedResponse):
        service.rerank(server, CANARY, PASSAGES[:2])


@every_service
def test_a_number_beyond_all_numbers_is_malformed(server: RerankServer, service: Service) -> None:
    body = json.dumps(service.form.answer([(0, 0.5), (1, 12345)])).replace("12345", "1e999")
    server.next(faults.answer(200, body, {"Content-Type": "application/json"}))

    with pytest.raises(errors.MalformedResponse):
        service.rerank(server, CANARY, PASSAGES[:2])


@every_service
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param(faults.throttled(), errors.UpstreamThrottled, id="429"),
        pytest.param(faults.throttled("300"), errors.UpstreamThrottled, id="429 for long"),
        pytest.param(faults.answer_json({"message": CANARY}, 400), errors.UpstreamRejected, id="400"),
        pytest.param(faults.answer_json({"message": CANARY}, 404), errors.UpstreamRejected, id="404"),
        pytest.param(faults.answer_json({"message": CANARY}, 422), errors.UpstreamRejected, id="422"),
        pytest.param(faults.answer_json({"message": CANARY}, 500), errors.UpstreamUnavailable, id="500"),
        pytest.param(faults.html(503), errors.UpstreamUnavailable, id="503"),
        pytest.param(faults.html(), errors.MalformedResponse, id="HTML with 200"),
        pytest.param(faults.empty_body(), errors.MalformedResponse, id="nothing with 200"),
        pytest.param(faults.answer(200, "{nonsense"), errors.MalformedResponse, id="no JSON"),
        pytest.param(faults.answer(200, b"\xff\xfe\x00"), errors.MalformedResponse, id="no text"),
        pytest.param(faults.answer(200, "[" * 100_000), errors.MalformedResponse, id="absurdly deep"),
        pytest.param(faults.answer_json({}), errors.MalformedResponse, id="an empty object"),
        pytest.param(faults.answer_json("text"), errors.MalformedResponse, id="a string"),
        pytest.param(faults.answer_json(None), errors.MalformedResponse, id="null"),
        pytest.param(faults.truncated, errors.UpstreamUnavailable, id="half an answer"),
        pytest.param(faults.reset, errors.UpstreamUnavailable, id="a reset"),
    ],
)
def test_what_goes_wrong_is_one_of_our_errors_after_one_attempt(
    server: RerankServer,
    service: Service,
    fault: faults.Fault,
    error: type[errors.RagError],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    server.next(fault)

    with pytest.raises(error) as caught:
        service.rerank(server, CANARY, PASSAGES)

    assert len(server.requests) == 1
    assert "canary" not in str(caught.value) + caplog.text
    assert "good-key" not in str(caught.value) + caplog.text


@every_service
@pytest.mark.parametrize("fault", [faults.hang, faults.drip(0.05)], ids=["hangs", "drips"])
def test_one_that_is_too_slow_ends_with_the_deadline(
    server: RerankServer, service: Service, fault: faults.Fault
) -> None:
    server.next(fault)
    started = time.monotonic()

    with pytest.raises(errors.UpstreamUnavailable, match="did not answer within 1 s"):
        service.rerank(server, CANARY, PASSAGES, seconds=SHORT)

    assert time.monotonic() - started < 5  # a drip takes far longer
    assert len(server.requests) == 1


@every_service
def test_one_that_is_not_there_is_unavailable(service: Service) -> None:
    with RerankServer() as closed:
        pass

    with pytest.raises(errors.UpstreamUnavailable):
        service.rerank(closed, CANARY, PASSAGES)


@services_with_a_key
def test_a_rotated_key_is_read_again_and_used(server: RerankServer, service: Service) -> None:
    assert service.rerank(server, CANARY, PASSAGES, "old-key", "good-key")
    assert len(server.requests) == 2


@services_with_a_key
def test_a_refused_key_that_did_not_change_is_tried_once(server: RerankServer, service: Service) -> None:
    with pytest.raises(errors.CredentialsRejected) as caught:
        service.rerank(server, CANARY, PASSAGES, "bad-key")

    assert len(server.requests) == 1
    assert "-key" not in str(caught.value)


@services_with_a_key
def test_a_rerankers_account_without_credit_is_told_as_such(server: RerankServer, service: Service) -> None:
    server.next(faults.answer_json({"message": CANARY}, 402))

    with pytest.raises(errors.QuotaExhausted):
        service.rerank(server, CANARY, PASSAGES)


@every_service
def test_connections_are_kept(server: RerankServer, service: Service) -> None:
    with service.reranker(server.url) as reranker:
        assert reranker.rerank(CANARY, PASSAGES) == reranker.rerank(CANARY, PASSAGES)
