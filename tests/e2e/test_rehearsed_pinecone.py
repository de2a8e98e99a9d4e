"""A question and an ingestion with VectorStore=pinecone, against the stand-in that speaks Pinecone's protocol."""

from pathlib import Path

from ragctl.local.account import CREDENTIAL
from ragctl.local.embedders import WORDLLAMA
from ragctl.rehearsal.journeys import Journey, travel
from tests.fakes.pinecone_server import PineconeServer

ROOT = Path(__file__).parents[2]


def test_a_document_is_cited_from_pinecone_by_the_state_machine_and_over_http() -> None:
    with PineconeServer(WORDLLAMA.dimensions, api_key=CREDENTIAL) as pinecone:
        place = {"VectorStore": "pinecone", "PineconeHost": pinecone.url, "PineconeIndexKind": "vector"}
        arrival = travel(Journey("pinecone", place), ROOT / "template.yaml")

    assert arrival.documents == 1
    assert arrival.cited_by_machine
    assert arrival.cited_over_http
