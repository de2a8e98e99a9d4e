"""One contract for the Catalogue port: the fake, and DynamoDB as moto serves it."""

from typing import Any

import pytest

from rag.adapters.dynamodb_catalogue import DynamoCatalogue
from rag.adapters.dynamodb_registry import DynamoRegistry
from rag.http.documents import Catalogue
from rag.registration import Registration
from tests.contract.registry_table import TABLE, create_registry_table
from tests.fakes.memory_catalogue import MemoryCatalogue
from tests.fakes.memory_registry import MemoryRegistry

IDS = ["a", "a/b", "a b", "b", "é", "😀", "\uffff"]


@pytest.fixture(params=["memory", "dynamodb"])
def catalogue(request: pytest.FixtureRequest) -> Catalogue:
    entries = [Registration("acme", document_id) for document_id in IDS]
    if request.param == "memory":
        memory = MemoryRegistry()
        memory.store(entries)
        memory.store([Registration("other", "canary")])
        return MemoryCatalogue(memory)
    request.getfixturevalue("mocked_aws")
    client: Any = create_registry_table()
    dynamo = DynamoRegistry(TABLE, client=client, pause=lambda _: None)
    dynamo.store(entries)
    dynamo.store([Registration("other", "canary")])
    DynamoRegistry(TABLE, "file", client=client, pause=lambda _: None).store([Registration("acme", "f.jsonl")])
    return DynamoCatalogue(TABLE, client=client)


def ids(catalogue: Catalogue, after: str = "", prefix: str = "") -> list[str]:
    return [entry.document_id for entry in catalogue.after("acme", after, prefix, 1)]


def test_a_tenant_s_documents_come_in_the_order_of_their_bytes(catalogue: Catalogue) -> None:
    assert ids(catalogue) == sorted(IDS, key=str.encode)


def test_those_with_a_prefix(catalogue: Catalogue) -> None:
    assert ids(catalogue, prefix="a") == ["a", "a b", "a/b"]
    assert ids(catalogue, prefix="z") == []


@pytest.mark.parametrize("after", IDS)
def test_those_behind_an_id(catalogue: Catalogue, after: str) -> None:
    in_order = sorted(IDS, key=str.encode)
    assert ids(catalogue, after) == in_order[in_order.index(after) + 1 :]


def test_those_behind_an_id_that_is_gone(catalogue: Catalogue) -> None:
    assert ids(catalogue, "a a", "a") == ["a b", "a/b"]


def test_a_few_are_read_where_few_are_wanted_and_more_each_time_they_do_not_do(mocked_aws: None) -> None:
    client: Any = create_registry_table()
    entries = [Registration("acme", f"{number:03}") for number in range(100)]
    DynamoRegistry(TABLE, client=client, pause=lambda _: None).store(entries)
    asked = list[int]()
    client.meta.events.register(
        "before-parameter-build.dynamodb.Query", lambda params, **_: asked.append(params["Limit"])
    )

    found = DynamoCatalogue(TABLE, client=client).after("acme", "", "", 2)

    assert [next(found).document_id for _ in range(4)] == ["000", "001", "002", "003"]
    assert asked == [4]
    assert [entry.document_id for entry in found] == [entry.document_id for entry in entries[4:]]
    assert asked == [4, 8, 16, 32, 64]
