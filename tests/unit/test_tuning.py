"""What retrieval is tuned to: the table, what a deployment overrides, and how relevance rules are written."""

import json
import math
from importlib.resources import files
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.contract import ModeName
from rag.errors import InternalError, InvalidRequest
from rag.models import Candidate, Chunk
from rag.relevance import FEATURES, RelevanceRule
from rag.search_settings import tuning_overrides
from rag.tuning import Overrides, rules_of, tuning_of
from rag.variables import Variables

MODES = get_args(ModeName)


def candidate(text: str, dense: float | None = None, lexical: float | None = None) -> Candidate:
    return Candidate(Chunk(text, "d", "v", 0, "", "", text, 1, 0, len(text)), 1.0, dense, lexical)


@pytest.mark.parametrize("model", ["wordllama-256", "all-minilm-l6-v2", "text-embedding-3-small", "unheard-of"])
def test_every_model_has_numbers_and_a_rule_for_every_mode(model: str) -> None:
    tuning = tuning_of(model)
    assert 0 <= tuning.lexical_weight <= 1
    assert tuning.depth > 0
    assert set(tuning.relevance) == set(MODES)


def test_a_model_is_the_same_whoever_serves_it() -> None:
    assert tuning_of("someone/WordLlama-256") == tuning_of("wordllama-256") != tuning_of("unheard-of")


@pytest.mark.parametrize("model", ["text-embedding-3-small", "text-embedding-3-large"])
def test_the_default_models_refuse_what_has_nothing_to_do_with_the_question(model: str) -> None:
    unrelated, vague, answer = (candidate("apples", dense=cosine) for cosine in (0.08, 0.2, 0.44))
    rules = tuning_of(model).relevance
    for mode in ("hybrid", "dense", "pruned"):
        assert [rules[mode].admits([one], "Who repairs trams?") for one in (unrelated, vague, answer)] == [
            False, True, True,
        ]  # fmt: skip


def test_a_model_that_nobody_measured_refuses_nothing_that_the_dense_leg_found() -> None:
    rules = tuning_of("unheard-of").relevance
    assert all(rules[mode].admits([candidate("apples", dense=-1)], "Who?") for mode in ("hybrid", "dense", "pruned"))


def test_every_row_of_the_table_says_something() -> None:
    table = json.loads(files("rag").joinpath("tuning.json").read_text(encoding="utf-8"))["models"]
    everyone = table.pop("*")
    assert [model for model, numbers in table.items() if {**everyone, **numbers} == everyone] == []


def test_what_a_deployment_leaves_empty_is_the_tables() -> None:
    names = ("FUSION", "LEXICAL_WEIGHT", "FUSION_DEPTH", "PRUNE_DEPTH", "RELEVANCE_RULE")
    assert tuning_overrides(Variables(dict.fromkeys(names, ""))) == Overrides()
    assert Overrides().tuning_of("wordllama-256") == tuning_of("wordllama-256")


def test_what_a_deployment_sets_is_taken() -> None:
    environment = {
        "FUSION": "reciprocal_rank", "LEXICAL_WEIGHT": "0", "FUSION_DEPTH": "30", "PRUNE_DEPTH": "40",
        "RELEVANCE_RULE": "dense: 1 dense >= 0.4",
    }  # fmt: skip
    tuning = tuning_overrides(Variables(environment)).tuning_of("wordllama-256")
    assert (tuning.fusion, tuning.lexical_weight, tuning.depth, tuning.prune_depth) == ("reciprocal_rank", 0.0, 30, 40)
    assert str(tuning.relevance["dense"]) == "1 dense >= 0.4"
    assert tuning.relevance["hybrid"] == tuning_of("wordllama-256").relevance["hybrid"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FUSION", "sum"),
        ("LEXICAL_WEIGHT", "much"),
        *(("LEXICAL_WEIGHT", value) for value in ("nan", "-0.1", "1.1")),
        *((name, value) for name in ("FUSION_DEPTH", "PRUNE_DEPTH") for value in ("0", "501", "2.7", "nan", "inf")),
        ("RELEVANCE_RULE", "0.5"),
    ],
)
def test_a_malformed_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(InternalError, match=name):
        tuning_overrides(Variables({name: value}))


def test_one_rule_is_that_of_every_mode() -> None:
    assert rules_of("1 dense >= 0.3") == dict.fromkeys(MODES, RelevanceRule({"dense": 1.0}, 0.3))


def test_rules_may_be_given_mode_by_mode() -> None:
    assert rules_of("hybrid: 1 dense + 0.4 coverage >= 0.28; lexical: always") == {
        "hybrid": RelevanceRule({"dense": 1.0, "coverage": 0.4}, 0.28),
        "lexical": RelevanceRule({}, -math.inf),
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dense",
        "dense >= 0.3",
        "1 dense",
        "1 dense >= much",
        "1 colour >= 0",
        "1 dense 2 lexical >= 1",
        "x: always",
        "1 dense + 1 dense >= 0.3",
        "1 dense >= 1e999",
        "1e999 dense >= 1",
    ],
)
def test_a_malformed_rule_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="relevance rule"):
        rules_of(text)


NUMBERS = st.decimals(-99, 99, places=3).map(float)


@given(st.dictionaries(st.sampled_from(FEATURES), NUMBERS), NUMBERS)
def test_a_rule_is_read_as_it_is_written(weights: dict[str, float], threshold: float) -> None:
    rule = RelevanceRule(weights, threshold if weights else -math.inf)
    assert RelevanceRule.parse(str(rule)) == rule


def test_a_rule_weighs_the_best_that_each_leg_gave() -> None:
    rule = RelevanceRule.parse("1 dense + 0.01 lexical >= 0.5")
    candidates = [candidate("a", dense=0.45, lexical=2.0), candidate("b", lexical=5.0), candidate("c", dense=0.1)]
    assert rule.admits(candidates, "q")
    assert not rule.admits([*candidates[:1], *candidates[2:]], "q")


def test_a_rule_weighs_how_much_of_the_question_one_candidate_holds() -> None:
    rule = RelevanceRule.parse("1 coverage >= 0.6")
    together, apart = [candidate("night trains to Vienna")], [candidate("night trains"), candidate("Vienna")]
    assert rule.admits(together, "Which night train goes to Vienna?")
    assert not rule.admits(apart, "Is there a sleeper night bus to Vienna?")


def test_words_are_looked_for_in_the_first_ten() -> None:
    rule, others = RelevanceRule.parse("1 coverage >= 1"), [candidate(f"else {number}") for number in range(10)]
    assert rule.admits([*others[:9], candidate("Vienna")], "Vienna?")
    assert not rule.admits([*others, candidate("Vienna")], "Vienna?")


def test_nothing_is_never_relevant() -> None:
    assert not RelevanceRule.parse("always").admits([], "q")
