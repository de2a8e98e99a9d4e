"""IAM is proven, not read: the whole system is used, and each role needs all that it may do, and nothing more."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragctl.iam.roles import Place, TemplateGrant, grants, placed
from ragctl.iam.uncalled import UNCALLED, reason_of
from ragctl.local.account import STACK_NAME
from ragctl.local.parameters import local_parameters
from ragctl.local.translation import Translation, read_template, translate
from tests.integration.conftest import ROOT, stack_of
from tests.integration.usage import Usage

LOCAL = {"VectorStore": "milvus", "Reranker": "cohere"}  # a reranker, so that its secret is read


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What a stack has noted of its roles once everything has been done with it."""
    data, files = tmp_path_factory.mktemp("iam"), tmp_path_factory.mktemp("files")
    with stack_of(ROOT / "template.yaml", data, LOCAL) as stack:
        try:
            Usage(stack, files).all()
        except Exception:
            if refused := _refused(_noted(data)):
                pytest.fail(f"A role lacks a right: {refused}")
            raise
    return _noted(data)


@pytest.fixture(scope="module")
def translation() -> Translation:
    template = ROOT / "template.yaml"
    declared = read_template(template)["Parameters"]
    return translate(template, local_parameters(declared, LOCAL, 1, 2, api_url="http://127.0.0.1:3"))


@pytest.fixture(scope="module")
def every(translation: Translation) -> list[TemplateGrant]:
    return grants(translation.template)


@pytest.fixture(scope="module")
def present(translation: Translation, every: list[TemplateGrant]) -> dict[Place, TemplateGrant]:
    """The grants of the stack that was used, by where its policies have them."""
    return placed(every, translation.template, translation.parameters)


@pytest.fixture(scope="module")
def called(notes: list[dict[str, Any]], present: dict[Place, TemplateGrant]) -> set[TemplateGrant]:
    return {present[place] for place in _places(notes)}


def test_nobody_tried_what_his_role_does_not_allow(notes: list[dict[str, Any]]) -> None:
    assert _refused(notes) == []


def test_every_right_is_used_or_says_why_it_is_there(
    present: dict[Place, TemplateGrant], called: set[TemplateGrant]
) -> None:
    unused = set(present.values()) - called
    assert sorted(_told(grant) for grant in unused if reason_of(grant) is None) == []


def test_no_right_that_says_why_nobody_uses_it_is_used(called: set[TemplateGrant]) -> None:
    assert sorted(_told(grant) for grant in called if reason_of(grant) is not None) == []


def test_every_right_that_other_parameters_bring_says_so(
    every: list[TemplateGrant], present: dict[Place, TemplateGrant]
) -> None:
    absent = set(every) - set(present.values())
    assert sorted(_told(grant) for grant in absent if reason_of(grant) is None) == []


def test_every_reason_is_that_of_some_right(every: list[TemplateGrant]) -> None:
    assert [entry for entry in UNCALLED if not any(entry.covers(grant) for grant in every)] == []


def _noted(data: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (data / "logs" / "calls.jsonl").read_text().splitlines()]


def _refused(notes: list[dict[str, Any]]) -> list[str]:
    return [f"{note['role']} {note['refused']} {note['resource']}" for note in notes if "refused" in note]


def _places(notes: list[dict[str, Any]]) -> Iterator[Place]:
    for note in notes:
        if "refused" not in note:
            role = note["role"].removeprefix(f"{STACK_NAME}-")
            yield role, note["policy"], note["statement"], note["action"], note["position"]


def _told(grant: TemplateGrant) -> str:
    return f"{grant.role} {grant.action} {grant.resource} {' '.join(grant.when)}"
