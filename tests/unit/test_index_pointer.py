"""How collections are named, in the index and in what is staged for it."""

import pytest

from rag.identity import collection_name
from rag.index_pointer import IndexTarget


def test_a_target_is_named_like_its_collection() -> None:
    target = IndexTarget(model="Text-Embedding-3.small", dimensions=1_536)
    assert target.slug == collection_name(target.model, target.dimensions) == "rag_text_embedding_3_small_1536"


@pytest.mark.parametrize(
    "other",
    [
        IndexTarget(model="n", dimensions=8),
        IndexTarget(model="m", dimensions=16),
        IndexTarget(model="m", dimensions=8, host="https://one.example"),
        IndexTarget(model="m", dimensions=8, host="https://two.example"),
    ],
)
def test_another_model_other_dimensions_and_another_host_have_names_of_their_own(other: IndexTarget) -> None:
    assert other.slug != IndexTarget(model="m", dimensions=8).slug
    assert other.slug != IndexTarget(model="m", dimensions=8, host="https://three.example").slug


def test_a_name_is_one_that_a_file_and_a_collection_may_have() -> None:
    slug = IndexTarget(model="org/Modèle v2", dimensions=8, host="https://one.example:443/x").slug
    assert slug.isascii()
    assert slug.replace("_", "").isalnum()
