"""One contract for the Pointer port: the fake, and DynamoDB as moto serves it."""

from dataclasses import replace
from typing import Any

import pytest

from rag.adapters.dynamodb_pointer import DynamoPointer
from rag.errors import InternalError
from rag.index_pointer import IndexPointer, IndexTarget
from rag.ports import Pointer
from tests.contract.registry_table import TABLE, create_registry_table
from tests.fakes.memory_pointer import MemoryPointer

DEPLOYED = IndexTarget(model="small", dimensions=4)
OTHER = IndexTarget(model="large/é", dimensions=8, host="https://index.example")


@pytest.fixture
def client(mocked_aws: None) -> Any:
    return create_registry_table()


@pytest.fixture(params=["memory", "dynamodb"])
def pointer(request: pytest.FixtureRequest) -> Pointer:
    if request.param == "memory":
        return MemoryPointer(DEPLOYED)
    return DynamoPointer(TABLE, DEPLOYED, client=request.getfixturevalue("client"))


def test_it_points_to_what_was_deployed_until_another_is_stored(pointer: Pointer) -> None:
    assert pointer.read() == IndexPointer(DEPLOYED)


def test_what_is_stored_is_read_with_the_next_revision(pointer: Pointer) -> None:
    assert pointer.store(replace(pointer.read(), next=OTHER))
    assert pointer.read() == IndexPointer(DEPLOYED, OTHER, revision=1)
    assert pointer.store(replace(pointer.read(), live=OTHER, next=None))
    assert pointer.read() == IndexPointer(OTHER, revision=2)


def test_of_two_who_read_the_same_pointer_one_stores_it(pointer: Pointer) -> None:
    for revision in (0, 1):
        read = pointer.read()
        assert pointer.store(replace(read, next=OTHER))
        assert not pointer.store(replace(read, live=OTHER))
        assert pointer.read() == IndexPointer(DEPLOYED, OTHER, revision=revision + 1)


@pytest.mark.parametrize("entry", [{}, {"entry": {"S": "{}"}}, {"entry": {"S": "nonsense"}}, {"entry": {"N": "1"}}])
def test_an_item_that_is_no_pointer_is_reported(client: Any, entry: dict[str, Any]) -> None:
    client.put_item(TableName=TABLE, Item={"pk": {"S": "index"}, "sk": {"S": "pointer"}, **entry})
    with pytest.raises(InternalError):
        DynamoPointer(TABLE, DEPLOYED, client=client).read()
