"""Every mode of retrieval on every vector store, with the same expectations.

The registry here shows everything, so that whatever is kept from a principal is kept by the store.
"""

from collections.abc import Mapping, Sequence

import pytest

from rag.contract import ModeName
from rag.filters import parse_filter
from rag.index_pointer import IndexTarget
from rag.models import EVERYONE, Candidate, Principal
from rag.registration import LiveVersion
from rag.retrieval import Retriever, SearchedQuestion
from rag.tuning import tuning_of
from rag.vectors import Vector
from tests.contract.conftest import NewTenant
from tests.contract.polling import eventually
from tests.contract.vector_stores import DIMENSIONS, NORTH, Tenant, direction

MODES: tuple[ModeName, ...] = ("dense", "lexical", "hybrid", "pruned")
BY_WORDS: tuple[ModeName, ...] = ("lexical", "hybrid", "pruned")
BY_MEANING: tuple[ModeName, ...] = ("dense", "hybrid")
TARGET = IndexTarget(model="any", dimensions=DIMENSIONS)
NOWHERE = direction(0, 0, 0, 0, 0, 0, 0, 1)  # at right angles to all that is stored here

every_mode = pytest.mark.parametrize("mode", MODES)


class EverythingLive:
    """The LiveDocuments port to which every document is live and open to everyone."""

    def live(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, LiveVersion]:
        return {document_id: LiveVersion("v1", (EVERYONE,)) for document_id in document_ids}


class Reader:
    """Asks a tenant's store as the query path does."""

    def __init__(self, tenant: Tenant, *groups: str) -> None:
        self._retriever = Retriever(lambda _: tenant.store, EverythingLive(), tuning_of)
        self._principal = Principal(tenant.name, groups)

    def candidates(
        self,
        mode: ModeName,
        *questions: str,
        vector: "Vector[float]" = NORTH,
        where: object = None,
        top_k: int = 10,
    ) -> list[list[Candidate]]:
        """Return per question what is retrieved in a mode."""
        parsed = None if where is None else parse_filter(where)
        asked = [SearchedQuestion(text, None if mode == "lexical" else vector) for text in questions]
        found = self._retriever.retrieve(asked, self._principal, parsed, mode, top_k, TARGET)
        return [one.candidates for one in found]

    def finds(
        self,
        mode: ModeName,
        question: str,
        *,
        vector: "Vector[float]" = NORTH,
        where: object = None,
        top_k: int = 10,
    ) -> list[str]:
        """Return the documents that a question finds, best first."""
        [found] = self.candidates(mode, question, vector=vector, where=where, top_k=top_k)
        return [candidate.chunk.document_id for candidate in found]


@pytest.fixture
def handbook(tenant: Tenant) -> Tenant:
    """A tenant with four chunks, each with a direction of its own but for two that are neighbours."""
    tenant.load_at(
        [
            (tenant.chunk("stays", title="Travel", text="Overnight stays are paid up to 140 euros."), NORTH),
            (tenant.chunk("meals", title="Travel", text="Meals abroad are paid by the day."), direction(0.8, 0.6)),
            (tenant.chunk("bearing", title="Parts", text="KX-4711 is a groove bearing."), direction(0, 0, 1)),
            (tenant.chunk("tulips", title="Garden", text="Tulips flower in April."), direction(0, 0, 0, 1)),
        ]
    )
    return tenant


@pytest.mark.parametrize("mode", BY_WORDS)
@pytest.mark.parametrize("question", ["Where is KX-4711 kept?", "4711", "groove bearings"])
def test_an_exact_name_or_number_is_found_though_its_vector_tells_nothing(
    handbook: Tenant, mode: ModeName, question: str
) -> None:
    assert Reader(handbook).finds(mode, question, vector=NOWHERE)[0] == "bearing"


@pytest.mark.parametrize("mode", BY_MEANING)
def test_another_wording_is_found_though_no_word_is_shared(handbook: Tenant, mode: ModeName) -> None:
    assert Reader(handbook).finds(mode, "What may a hotel room cost?")[:2] == ["stays", "meals"]


@pytest.mark.parametrize("mode", ["lexical", "pruned"])
def test_only_what_shares_a_word_is_found_by_words(handbook: Tenant, mode: ModeName) -> None:
    assert set(Reader(handbook).finds(mode, "paid tulips")) == {"stays", "meals", "tulips"}
    assert Reader(handbook).finds(mode, "What may a hotel room cost?") == []


def test_pruned_mode_ranks_what_shares_a_word_by_its_vector(handbook: Tenant) -> None:
    reader = Reader(handbook)

    assert reader.finds("pruned", "paid by the day", vector=NORTH) == ["stays", "meals"]
    assert reader.finds("pruned", "stays paid in euros", vector=direction(0.6, 0.8)) == ["meals", "stays"]


def test_hybrid_mode_prefers_what_both_legs_find(handbook: Tenant) -> None:
    assert Reader(handbook).finds("hybrid", "meals abroad", vector=direction(0.9, 0.45))[0] == "meals"


def test_each_candidate_has_its_legs_own_scores(handbook: Tenant) -> None:
    reader, worded = Reader(handbook), handbook.lexical("overnight stays")[0].score

    for mode in MODES:
        best = reader.candidates(mode, "overnight stays")[0][0]
        assert best.chunk.document_id == "stays"
        assert best.dense == (None if mode == "lexical" else pytest.approx(1, abs=1e-4))
        assert best.lexical == (None if mode == "dense" else pytest.approx(worded, rel=1e-4))


@every_mode
def test_a_tenant_finds_nothing_of_another(new_tenant: NewTenant, mode: ModeName) -> None:
    owner, stranger = new_tenant(), new_tenant()
    owner.load(owner.chunk("same", text="the owner's plan"))
    stranger.load(stranger.chunk("same", text="the stranger's plan"))

    [found] = Reader(stranger).candidates(mode, "the plan of the owner")

    assert [candidate.chunk for candidate in found] == [stranger.chunk("same", text="the stranger's plan")]


@every_mode
def test_a_principal_finds_what_is_open_to_one_of_its_groups(tenant: Tenant, mode: ModeName) -> None:
    tenant.load(
        tenant.chunk("open", text="plan"),
        tenant.chunk("hr", text="plan", groups=("hr",)),
        tenant.chunk("board", text="plan", groups=("board", "finance")),
    )

    assert set(Reader(tenant).finds(mode, "plan")) == {"open"}
    assert set(Reader(tenant, "hr").finds(mode, "plan")) == {"open", "hr"}
    assert set(Reader(tenant, "hr", "finance").finds(mode, "plan")) == {"open", "hr", "board"}


@every_mode
def test_a_filter_narrows_and_never_widens(tenant: Tenant, mode: ModeName) -> None:
    tenant.load(
        tenant.chunk("new", text="plan", metadata={"kind": "policy", "year": 2026}),
        tenant.chunk("old", text="plan", metadata={"kind": "policy", "year": 2019}),
        tenant.chunk("memo", text="plan", metadata={"kind": "memo", "year": 2026}),
        tenant.chunk("closed", text="plan", metadata={"kind": "policy", "year": 2026}, groups=("board",)),
    )
    reader = Reader(tenant)

    assert set(reader.finds(mode, "plan", where={"kind": "policy", "year": {"$gte": 2024}})) == {"new"}
    assert set(reader.finds(mode, "plan", where={"$or": [{"kind": "memo"}, {"year": 2019}]})) == {"old", "memo"}
    assert reader.finds(mode, "plan", where={"$or": [{"readers": "board"}, {"tenant": tenant.name}]}) == []


@every_mode
def test_top_k_counts_what_may_be_read(tenant: Tenant, mode: ModeName) -> None:
    closed = [tenant.chunk(f"closed-{number}", text="plan", groups=("board",)) for number in range(30)]
    tenant.load(*closed, *(tenant.chunk(f"open-{number}", text="plan, and more of it") for number in range(3)))

    assert set(Reader(tenant).finds(mode, "plan", top_k=2)[:2]) < {"open-0", "open-1", "open-2"}
    assert len(Reader(tenant).finds(mode, "plan", top_k=2)) >= 2
    assert len(Reader(tenant).finds(mode, "plan", top_k=100)) == 3


@pytest.mark.parametrize("question", ["of the", "?!", "\x00"])
def test_a_question_without_words_is_left_to_the_vectors(handbook: Tenant, question: str) -> None:
    reader = Reader(handbook)

    assert reader.finds("lexical", question) == []
    assert reader.finds("pruned", question) == []
    assert reader.finds("hybrid", question)[:2] == reader.finds("dense", question)[:2] == ["stays", "meals"]


@every_mode
def test_a_tenant_without_chunks_finds_nothing(tenant: Tenant, mode: ModeName) -> None:
    assert Reader(tenant).finds(mode, "anything") == []
    assert Reader(tenant).finds(mode, "anything", where={"kind": "policy"}) == []


@every_mode
def test_several_questions_at_once_are_answered_as_one_by_one(handbook: Tenant, mode: ModeName) -> None:
    questions = ["overnight stays", "of the", "KX-4711", "unheard", "overnight stays", "tulips paid in April"]
    reader = Reader(handbook)

    together = reader.candidates(mode, *questions)

    assert len(together) == len(questions)
    for question, found in zip(questions, together, strict=True):
        [alone] = reader.candidates(mode, question)
        assert [candidate.chunk for candidate in found] == [candidate.chunk for candidate in alone]
        assert [candidate.score for candidate in found] == pytest.approx([candidate.score for candidate in alone])


@every_mode
def test_deleted_chunks_are_not_found(handbook: Tenant, mode: ModeName) -> None:
    stays = handbook.chunk("stays").chunk_id
    handbook.store.delete(handbook.name, [stays])

    eventually(lambda: "stays" not in Reader(handbook).finds(mode, "overnight stays or meals"))
    assert Reader(handbook).finds(mode, "overnight stays or meals")[0] == "meals"


@every_mode
def test_a_hostile_question_is_only_words(handbook: Tenant, mode: ModeName) -> None:
    for question in ['stays" or tenant != "', "stays' -- \\ {x} $ne", "stays \x1b[0m \u2028", "stays " * 1_333]:
        assert Reader(handbook).finds(mode, question)[0] == "stays"


@every_mode
def test_equal_candidates_come_in_the_same_order_every_time(tenant: Tenant, mode: ModeName) -> None:
    tenant.load(*(tenant.chunk(f"d{number}", text="plan") for number in range(20)))
    reader = Reader(tenant)

    found = [candidate.chunk.chunk_id for candidate in reader.candidates(mode, "plan", top_k=20)[0]]

    assert found == sorted(found)
    assert len(found) == 20
