"""What a search by words finds, on every vector store."""

import pytest

from rag.models import Principal
from tests.contract.conftest import NewTenant
from tests.contract.polling import eventually
from tests.contract.vector_stores import Tenant

HOSTILE = [
    'zeppelin" or tenant != "',
    "zeppelin' -- \\",
    "{zeppelin} [a] $ne * ? ~2 ^3",
    "title:zeppelin AND NOT text:zeppelin",
    "zeppelin\x00 \x01 \x1b[0m \x7f \u2028 \ufeff",
    "zeppelin 👩‍🚀 \u202e",
    "+zeppelin -zeppelin (",
]


@pytest.fixture
def hangar(tenant: Tenant) -> Tenant:
    """A tenant whose chunks say `zeppelin` in three places, and one that does not."""
    tenant.load(
        tenant.chunk("text", title="Other", text="The zeppelin is mentioned here, once."),
        tenant.chunk("title", title="Zeppelin", text="Mentioned above only, in some more words than there."),
        tenant.chunk("heading", title="Other", heading="Airships > Zeppelin", text="Mentioned above."),
        tenant.chunk("neither", title="Other", text="Submarines dive in the year 1907."),
    )
    return tenant


def test_a_word_is_found_in_title_heading_and_text(hangar: Tenant) -> None:
    assert hangar.finds_words("zeppelin") == {"text", "title", "heading"}


@pytest.mark.parametrize("text", ["ZEPPELIN", "Zeppelins", "zeppelin?", "“Zeppelin’s”", "a zeppelin, the zeppelin"])
def test_a_word_is_found_however_it_is_written(hangar: Tenant, text: str) -> None:
    assert hangar.finds_words(text) == {"text", "title", "heading"}


def test_numbers_and_names_are_found_exactly(tenant: Tenant) -> None:
    tenant.load(
        tenant.chunk("a", text="Order KX-4711 from shelf 12."),
        tenant.chunk("b", text="Order KX-4712 from shelf 12."),
        tenant.chunk("c", text="Ask Miss Szczepańska, or dial 0171."),
    )

    assert tenant.lexical("4711")[0].chunk.document_id == "a"
    assert tenant.finds_words("4712") == {"b"}
    assert tenant.finds_words("471") == set()
    assert tenant.finds_words("Szczepańska 0171") == {"c"}


def test_what_shares_more_of_the_words_comes_first(hangar: Tenant) -> None:
    found = hangar.lexical("submarines of 1907, no zeppelin")

    assert found[0].chunk.document_id == "neither"
    assert [passage.score for passage in found] == sorted((passage.score for passage in found), reverse=True)


def test_every_score_is_positive_and_higher_for_the_rarer_word(tenant: Tenant) -> None:
    tenant.load(
        tenant.chunk("zeppelin", text="The zeppelin waits."),
        *(tenant.chunk(f"people-{number}", text="The people wait.") for number in range(5)),
    )

    common, rare = tenant.lexical("people"), tenant.lexical("zeppelin")

    assert (len(common), len(rare)) == (5, 1)
    assert all(0 < passage.score < rare[0].score for passage in common)


def test_what_a_search_by_words_finds_is_the_whole_chunk(tenant: Tenant) -> None:
    chunk = tenant.chunk(
        "whole", text="Line one\nzeppelin 日本語", page=7, heading="A > B", groups=("hr",), metadata={"year": 2026}
    )
    tenant.load(chunk)

    assert [passage.chunk for passage in tenant.lexical("zeppelin", groups=("hr",))] == [chunk]


@pytest.mark.parametrize("text", ["of the and to", "", "  \n", "?!… \x00 👩‍🚀", "unheard", "unheard of"])
def test_without_a_word_in_common_nothing_is_found(hangar: Tenant, text: str) -> None:
    assert hangar.lexical(text) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_what_looks_like_a_command_is_only_words(hangar: Tenant, text: str) -> None:
    assert hangar.finds_words(text) >= {"text", "title", "heading"}


def test_the_longest_question_is_taken(hangar: Tenant) -> None:
    words = " ".join(f"unheardword{number}" for number in range(1_000))

    assert hangar.finds_words(f"{words[:7_991]} zeppelin") == {"text", "title", "heading"}
    assert hangar.finds_words("zeppelin" * 1_000) == set()


def test_several_texts_are_answered_each_by_itself(hangar: Tenant) -> None:
    texts = ["zeppelin", "of the", "submarines", "unheard", "zeppelin", ""]

    found = hangar.store.lexical(texts, Principal(hangar.name), 10, None)

    assert found == [hangar.lexical(text, top_k=10) for text in texts]


def test_no_text_is_no_answer(hangar: Tenant) -> None:
    assert hangar.store.lexical([], Principal(hangar.name), 10, None) == []


def test_a_search_by_words_returns_at_most_top_k_and_the_best_of_them(hangar: Tenant) -> None:
    everything = hangar.lexical("zeppelin submarines")

    assert len(everything) == 4
    assert hangar.lexical("zeppelin submarines", top_k=2) == everything[:2]


def test_a_tenant_without_chunks_finds_no_words(new_tenant: NewTenant, hangar: Tenant) -> None:
    assert new_tenant().lexical("zeppelin") == []


def test_words_of_another_tenant_are_not_found(new_tenant: NewTenant, hangar: Tenant) -> None:
    stranger = new_tenant()
    stranger.load(stranger.chunk("theirs", text="Submarines."))

    assert stranger.finds_words("zeppelin submarines", groups=("hr",)) == {"theirs"}


def test_words_are_found_in_what_the_groups_open(tenant: Tenant) -> None:
    tenant.load(
        tenant.chunk("open", text="zeppelin"),
        tenant.chunk("finance", text="zeppelin", groups=("finance",)),
        tenant.chunk("both", text="zeppelin", groups=("finance", "hr")),
    )

    assert tenant.finds_words("zeppelin") == {"open"}
    assert tenant.finds_words("zeppelin", groups=("hr",)) == {"open", "both"}
    assert tenant.finds_words("zeppelin", groups=("finance", "sales")) == {"open", "finance", "both"}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"kind": "policy"}, {"new"}),
        ({"year": {"$gte": 2024}}, {"new", "other"}),
        ({"$or": [{"kind": "manual"}, {"year": 2019}]}, {"old"}),
        ({"kind": {"$ne": "policy"}}, {"old"}),
        ({"kind": "policy", "readers": {"$exists": True}}, set()),
    ],
)
def test_a_filter_narrows_what_words_find(tenant: Tenant, where: object, expected: set[str]) -> None:
    tenant.load(
        tenant.chunk("new", text="zeppelin", metadata={"kind": "policy", "year": 2026}),
        tenant.chunk("old", text="zeppelin", metadata={"kind": "manual", "year": 2019}),
        tenant.chunk("other", text="zeppelin", metadata={"year": 2025}),
        tenant.chunk("silent", text="nothing", metadata={"kind": "policy", "year": 2026}),
        tenant.chunk("closed", text="zeppelin", metadata={"kind": "policy", "year": 2026}, groups=("board",)),
    )

    assert tenant.finds_words("zeppelin", where) == expected


def test_filter_and_groups_narrow_before_top_k_counts(tenant: Tenant) -> None:
    closed = [tenant.chunk(f"closed-{number}", text="zeppelin", groups=("board",)) for number in range(20)]
    other = [tenant.chunk(f"other-{number}", text="zeppelin", metadata={"kind": "other"}) for number in range(20)]
    wanted = tenant.chunk("wanted", text="A zeppelin, in many words more.", metadata={"kind": "wanted"})
    tenant.load(*closed, *other, wanted)

    found = tenant.lexical("zeppelin", {"kind": "wanted"}, top_k=1)

    assert [passage.chunk.document_id for passage in found] == ["wanted"]


def test_words_of_deleted_chunks_are_not_found(tenant: Tenant) -> None:
    gone, kept = tenant.chunk("gone", text="zeppelin"), tenant.chunk("kept", text="zeppelin")
    tenant.load(gone, kept)

    tenant.store.delete(tenant.name, [gone.chunk_id])

    eventually(lambda: tenant.finds_words("zeppelin") == {"kept"})


def test_words_that_a_new_text_lacks_are_not_found_any_more(tenant: Tenant) -> None:
    tenant.load(tenant.chunk("same", text="zeppelin"))

    tenant.load(tenant.chunk("same", text="submarine"))

    eventually(lambda: tenant.finds_words("zeppelin") == set())
    assert tenant.finds_words("submarine") == {"same"}
