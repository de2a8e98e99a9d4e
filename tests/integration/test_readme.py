"""The README's own questions are answered."""

import re
from pathlib import Path

import pytest

from ragctl.asking import Asker
from ragctl.commands.demo import QUESTIONS
from ragctl.deployment import Deployment

ROOT = Path(__file__).parents[2]
TENANT = "readme"


@pytest.fixture(scope="module")
def asker(local_stack: Deployment) -> Asker:
    from ragctl.ingesting import Ingestion
    from ragctl.load_report import LoadReport
    from ragctl.sidecars import Description
    from ragctl.sources import local_files

    report = LoadReport(TENANT, total=0)
    Ingestion(local_stack, report, lambda _: None).ingest(local_files(ROOT / "examples" / "handbook"), Description())
    assert report.succeeded
    return Asker(local_stack)


@pytest.mark.parametrize("question", re.findall(r'rag ask "([^"…]+)"', (ROOT / "README.md").read_text()))
def test_what_the_readme_asks_is_answered(asker: Asker, question: str) -> None:
    assert asker.ask({"query": question, "tenant": TENANT}).output["answered"]


def test_the_demo_shows_an_answer_and_a_refusal(asker: Asker) -> None:
    outputs = [asker.ask({"query": question, "tenant": TENANT}).output for question in QUESTIONS]
    assert [output["answered"] for output in outputs] == [True, False]
