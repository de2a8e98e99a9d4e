"""The query state machine as a graph: what the linter finds in it, and that the linter finds what it should."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rag.errors import Refusal
from ragctl.checks import state_machine
from ragctl.checks.__main__ import definitions

ROOT = Path(__file__).parents[2]
QUERY = ROOT / "statemachine" / "query.asl.json"
INGEST = ROOT / "statemachine" / "ingest.asl.json"
BULK = ROOT / "statemachine" / "ingest_bulk.asl.json"
BATCH = ROOT / "statemachine" / "batch.asl.json"
BATCH_BULK = ROOT / "statemachine" / "batch_bulk.asl.json"
FUNCTIONS = ("Rewrite", "Embed", "Search", "Compose", "Generate")
SUBSTITUTIONS = {*(f"{name}FunctionArn" for name in FUNCTIONS), "ChatModel", "PrincipalsTable", "QuestionsPerDay"}
TABLE_STATES = ("LookUpPrincipal", "CountQuestion")


@pytest.fixture
def machine() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(QUERY.read_text())
    return loaded


@pytest.mark.parametrize(("path", "given"), definitions(ROOT / "template.yaml"))
def test_the_shipped_definitions_have_no_problem(path: Path, given: set[str]) -> None:
    assert state_machine.problems(path, given) == []


def test_standard_and_express_share_one_definition() -> None:
    assert [path.name for path, _ in definitions(ROOT / "template.yaml")].count("query.asl.json") == 2


def test_what_is_retried_are_exactly_the_transient_leaves(machine: dict[str, Any]) -> None:
    for name, state in state_machine.states(machine):
        if "Retry" in state and name not in TABLE_STATES:
            retried = [name for retry in state["Retry"] for name in retry["ErrorEquals"] if "." not in name]
            assert sorted(retried) == sorted(state_machine.transient_errors())


def test_every_error_of_ours_is_reported_by_name_with_its_cause(machine: dict[str, Any]) -> None:
    named = {rule["StringEquals"] for rule in machine["States"]["NameError"]["Choices"][0]["Or"]}
    of_ingestion = {"UnreadableDocument"}
    assert named == (state_machine.transient_errors() | state_machine.permanent_errors()) - of_ingestion


def test_functions_that_cannot_run_just_now_are_told_as_what_is_worth_another_try(machine: dict[str, Any]) -> None:
    for broken in state_machine.LAMBDA_TRANSIENTS:
        for definition in (machine, *(json.loads(path.read_text()) for path in (BATCH, BATCH_BULK))):
            told = list(_told(definition, broken))
            busy = broken == "Lambda.TooManyRequestsException"
            assert set(told) == {"UpstreamThrottled" if busy else "UpstreamUnavailable"}


def _told(definition: dict[str, Any], error: str) -> Iterator[str]:
    """Yield the name that each of the machine's states which name errors tells an error by."""
    every = dict(state_machine.states(definition))
    for state in every.values():
        rules = [one for rule in state.get("Choices", ()) for one in ({**one, **rule} for one in rule.get("Or", [{}]))]
        if any(rule.get("StringEquals") == "InvalidRequest" for rule in rules):
            end = every[next((one["Next"] for one in rules if one.get("StringEquals") == error), state["Default"])]
            yield end["Error"] if end["Type"] == "Fail" else end["Parameters"]["error"]["name"]


def test_whoever_asks_over_http_passes_by_its_principal_and_its_allowance(machine: dict[str, Any]) -> None:
    """Nothing leads from the API's form of input to a model or an index but through a principal."""
    states = machine["States"]
    (over_http,) = states["AskedOverHttp"]["Choices"]
    assert (over_http["Variable"], over_http["Next"]) == ("$.caller", "BringsPrincipal")
    (brought,) = states["BringsPrincipal"]["Choices"]
    assert (brought["Variable"], states["BringsPrincipal"]["Default"]) == ("$.caller.principal", "LookUpPrincipal")
    assert states["LookUpPrincipal"]["Next"] == "IsKnown"
    assert states["IsKnown"]["Default"] == "NotAllowed"
    assert [name for name, one in states.items() if "TakeBody" in (one.get("Next"), one.get("Default"))] == [
        "IsCounted",
        "CountQuestion",
    ]
    assert states["TakeBody"]["Parameters"]["principal.$"] == "$.caller.principal"
    assert states["EmbedQuery"]["Parameters"]["principal.$"] == "$.principal"


def test_no_refusal_is_an_error_that_a_state_raises(machine: dict[str, Any]) -> None:
    refusals = {one["Error"] for one in machine["States"].values() if one["Type"] == "Fail" and "Error" in one}
    assert refusals & state_machine.leaves(Refusal) == {"NotAllowed", "AllowanceSpent"}


def test_errors_below_errors_are_retried_and_reported_too() -> None:
    class Base(Exception):
        pass

    class Middle(Base):
        pass

    class Leaf(Middle):
        pass

    class Sibling(Base):
        pass

    assert state_machine.leaves(Base) == {Leaf.__name__, Sibling.__name__}


def test_both_ends_of_the_machine_answer_in_the_same_shape(machine: dict[str, Any]) -> None:
    def fields(parameters: dict[str, Any]) -> set[str]:
        return {name.removesuffix(".$") for name in parameters}

    answered = fields(machine["States"]["GenerateResponse"]["ResultSelector"])
    unanswered = machine["States"]["AdmitIgnorance"]["Parameters"]
    assert fields(unanswered) == answered
    assert fields(unanswered["usage"]) == {"embedding_tokens", "prompt_tokens", "completion_tokens", "cost_usd"}


def _break(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(machine: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        place: Any = machine
        for parent in parents:
            place = place[int(parent)] if parent.isdigit() else place[parent]
        key: Any = int(last) if isinstance(place, list) else last
        if value is None:
            del place[key]
        else:
            place[key] = value

    return change


def _append(path: str, rule: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    def change(machine: dict[str, Any]) -> None:
        _, state, field = path.split("/")
        machine["States"][state][field].append(PACE | rule)

    return change


PACE = {"IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 2, "MaxDelaySeconds": 4, "JitterStrategy": "FULL"}
EMBED = "States/EmbedQuery"
OURS = "States/NameError/Choices/0/Or"
KNOWN = "States/IsKnown/Choices/0/And"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (_break(f"{EMBED}/Next", "Nowhere"), "leads to Nowhere"),
        (_break(f"{EMBED}/Next", "GenerateResponse"), "SearchVectors is never reached"),
        (_break("StartAt", "Nowhere"), "starts at Nowhere"),
        (_break("StartAt", None), "has no StartAt"),
        (_break("States", None), "starts at AskedOverHttp, which does not exist"),
        (_break(f"{EMBED}/Type", None), "EmbedQuery has no Type"),
        (_break("States/ReadCause/Next", "NameError"), "NameError leads back to itself"),
        (_break("States/AnyRelevantPassage/Default", "SearchVectors"), "SearchVectors leads back to itself"),
        (_break("States/AnyRelevantPassage/Default", "AnyRelevantPassage"), "AnyRelevantPassage leads back to itself"),
        (_break(f"{EMBED}/Parameters", None), "EmbedQuery has no Parameters"),
        (_break(f"{EMBED}/ResultSelector", None), "EmbedQuery has no ResultSelector"),
        (_break(f"{EMBED}/TimeoutSeconds", None), "EmbedQuery has no TimeoutSeconds"),
        (_break(f"{EMBED}/TimeoutSeconds", 99), "longer than the machine"),
        (_break("TimeoutSeconds", None), "machine has no TimeoutSeconds"),
        (_break(f"{EMBED}/Retry/0/ErrorEquals", ["UpstreamThrottled"]), "no Retry for"),
        (_break(f"{EMBED}/Retry/0/ErrorEquals", ["States.ALL"]), "must not be retried"),
        (_append(f"{EMBED}/Retry", {"ErrorEquals": ["States.TaskFailed"]}), "['States.TaskFailed'] must not be"),
        (_append(f"{EMBED}/Retry", {"ErrorEquals": ["InvalidRequest"]}), "['InvalidRequest'] must not be retried"),
        (_append(f"{EMBED}/Retry", {"ErrorEquals": ["UpstreamThrottled", "UpstreamUnavailable"]}), "retried twice"),
        (_append(f"{EMBED}/Retry", {}), "[] must not be retried"),
        (_break(f"{EMBED}/Retry", []), "no Retry for"),
        (_break(f"{EMBED}/Retry/0/BackoffRate", 0.5), "BackoffRate"),
        (_break(f"{EMBED}/Retry/0/JitterStrategy", None), "no full jitter"),
        (_break(f"{EMBED}/Retry/0/MaxDelaySeconds", None), "MaxDelaySeconds must be given"),
        (_break(f"{EMBED}/Retry/0/MaxAttempts", None), "MaxAttempts"),
        (_break(f"{EMBED}/Catch", []), "does not catch States.ALL"),
        (_break(f"{EMBED}/Catch/0/Next", "SearchVectors"), "catches into SearchVectors, which does not fail"),
        (_break(f"{EMBED}/Catch/0/Next", "AdmitIgnorance"), "catches into AdmitIgnorance, which does not fail"),
        (_break("States/NameError/Default", "AdmitIgnorance"), "EmbedQuery catches into AdmitIgnorance"),
        (_break("States/QueryFailed", {"Type": "Succeed"}), "EmbedQuery catches into QueryFailed"),
        (_append(f"{EMBED}/Catch", {"ErrorEquals": ["InvalidRequst"], "Next": "NameError"}), "an error InvalidRequst"),
        (_break(f"{OURS}/0/StringEquals", "InvalidRequst"), "an error InvalidRequst, which does not exist"),
        (_break(f"{OURS}/0/Not", {"Variable": "$.Error", "StringEquals": "Oops"}), "an error Oops"),
        (_break("States/NameError/Choices/4/StringMatches", "States*"), "an error States*"),
        (_break(f"{EMBED}/Catch/0/ResultPath", "$.error"), 'without ResultPath "$"'),
        (_break("States/AnyRelevantPassage/Default", None), "has no Default"),
        (_break(f"{EMBED}/End", True), "either a Next or an end"),
        (_break("States/LookUpPrincipal/Retry/0/ErrorEquals", ["UpstreamThrottled"]), "LookUpPrincipal: ['UpstreamThr"),
        (_break("States/LookUpPrincipal/Retry", []), "LookUpPrincipal: no Retry for ['DynamoDB.InternalServerError'"),
        (_break("States/LookUpPrincipal/ResultPath", None), "LookUpPrincipal has no ResultPath"),
        (_break("States/LookUpPrincipal/TimeoutSeconds", None), "LookUpPrincipal has no TimeoutSeconds"),
        (_break("States/CountQuestion/Catch/1/Next", "TakeBody"), "CountQuestion catches into"),
        (_break("States/CountQuestion/Catch/0/ErrorEquals", ["AllowanceSpnt"]), "an error AllowanceSpnt"),
        (_break("States/RewriteQuery/Catch/1/ResultPath", "$"), "RewriteQuery catches over what the machine goes on"),
        (_break("States/RewriteQuery/Catch/0/ResultPath", "$.taken"), 'RewriteQuery catches without ResultPath "$"'),
        (_break(f"{KNOWN}/0", None), "IsKnown compares $.found.Item.tenant.S, which may be missing"),
        (_break(f"{KNOWN}/2/IsPresent", False), "IsKnown compares $.found.Item.groups.S, which may be missing"),
        (_break("States/SearchVectors/ResultSelector/relevant.$", None), "AnyRelevantPassage compares $.context.relev"),
        (_break("States/SearchVectors/ResultPath", "$.found"), "AnyRelevantPassage compares $.context.relevant"),
        (_break("States/NeedsRewriting/Choices/0/Or/0", {"Variable": "$.x", "IsNull": True}), "compares $.x, which"),
        (_break(f"{EMBED}/Resource", "${Unknown}"), "${Unknown} is not filled"),
        (_break(f"{EMBED}/Resource", "x"), "fills EmbedFunctionArn, which is not used"),
    ],
)
def test_the_linter_sees(
    machine: dict[str, Any], tmp_path: Path, change: Callable[[dict[str, Any]], None], complaint: str
) -> None:
    broken = copy.deepcopy(machine)
    change(broken)
    path = tmp_path / "broken.asl.json"
    path.write_text(json.dumps(broken))

    assert any(complaint in problem for problem in state_machine.problems(path, SUBSTITUTIONS))


EMBED_CHUNKS = "States/IngestBatches/ItemProcessor/States/EmbedChunks"
IN_BULK = "States/IngestItems/ItemProcessor/States"


@pytest.mark.parametrize(
    ("definition", "change", "complaint"),
    [
        (INGEST, _break(f"{EMBED_CHUNKS}/Next", "Nowhere"), "EmbedChunks leads to Nowhere"),
        (INGEST, _break(f"{EMBED_CHUNKS}/TimeoutSeconds", 99_999), "EmbedChunks may take longer"),
        (INGEST, _break(f"{EMBED_CHUNKS}/Retry/0/MaxAttempts", 3), "EmbedChunks: a Retry's MaxAttempts"),
        (INGEST, _break(f"{EMBED_CHUNKS}/Retry/1/MaxDelaySeconds", 4), "EmbedChunks: a Retry's MaxDelaySeconds"),
        (INGEST, _break(f"{EMBED_CHUNKS}/Retry", []), "EmbedChunks: no Retry for"),
        (INGEST, _break("States/IngestBatches/Catch", None), "IngestBatches does not catch States.ALL"),
        (INGEST, _break("States/FailDocument/Catch", []), "FailDocument does not catch States.ALL"),
        (INGEST, _break("States/FailDocument/Catch/0/ResultPath", "$.error"), "catches over the error"),
        (INGEST, _break("States/FailDocument/Catch/0/ResultPath", "$"), "catches over the error"),
        (INGEST, _break("States/ReadDocument/Catch/0/ResultPath", "$.error"), 'without ResultPath "$"'),
        (INGEST, _break("States/ChunkDocument/Catch/0/ResultPath", "$"), 'without ResultPath "$.error"'),
        (INGEST, _break("States/ChunkDocument/Catch/0/Next", "ReapVersions"), "into ReapVersions, which does not fail"),
        (INGEST, _break("States/FailDocument/Next", "Done"), "catches into Done, which does not fail"),
        (INGEST, _break("States/ReapVersions/Next", "ChunkDocument"), "ChunkDocument leads back to itself"),
        (INGEST, _break("States/NameError/Choices/0/Or/0/StringEquals", "Oops"), "an error Oops"),
        (BULK, _break(f"{IN_BULK}/ChunkDocument/Catch", []), "ChunkDocument does not catch States.ALL"),
        (BULK, _break(f"{IN_BULK}/PlanIngest", {"Type": "Succeed"}), "PlanIngest is the name of two states"),
        (BULK, _break("States/IngestItems/Catch/0/Next", "FinishIngest"), "into FinishIngest, which does not fail"),
        (INGEST, _break("States/IngestBatches/MaxConcurrency", 0), "IngestBatches's MaxConcurrency must be given"),
        (BULK, _break("States/IngestItems/MaxConcurrency", 0), "IngestItems's MaxConcurrency must be given"),
    ],
)
def test_the_linter_sees_in_a_machine_of_ingestion(
    tmp_path: Path, definition: Path, change: Callable[[dict[str, Any]], None], complaint: str
) -> None:
    broken = json.loads(definition.read_text())
    change(broken)
    path = tmp_path / definition.name
    path.write_text(json.dumps(broken))

    assert any(complaint in problem for problem in state_machine.problems(path, set()))


ITEM = "States/AnswerItems/ItemProcessor/States"
IN_PARTS = "States/AnswerParts/ItemProcessor/States"


@pytest.mark.parametrize(
    ("definition", "change", "complaint"),
    [
        (BATCH, _break("States/SearchBatch/Retry/0/MaxAttempts", 3), "SearchBatch: a Retry's MaxAttempts"),
        (BATCH, _break("States/SearchBatch/Retry/0/MaxAttempts", 8), "all attempts together take up to"),
        (BATCH, _break("TimeoutSeconds", 3_600), "all attempts together take up to 9,002 s, and the machine has 3,600"),
        (BATCH_BULK, _break("TimeoutSeconds", 9_000), "all attempts together take up to 9,002 s"),
        (BATCH, _break("States/AnswerItems/MaxConcurrency", 0), "AnswerItems's MaxConcurrency must be given"),
        (BATCH, _break("States/AnswerItems/MaxConcurrency", None), "AnswerItems's MaxConcurrency must be given"),
        (BATCH, _break("States/AnswerItems/MaxConcurrency", 1), "all attempts together take up to"),
        (BATCH_BULK, _break("States/AnswerParts/MaxConcurrency", 0), "AnswerParts's MaxConcurrency must be given"),
        (BATCH_BULK, _break(f"{IN_PARTS}/AnswerItems/MaxConcurrency", 0), "AnswerItems's MaxConcurrency must be given"),
        (BATCH, _break(f"{ITEM}/GenerateItem/Retry/1/MaxDelaySeconds", 4), "GenerateItem: a Retry's MaxDelaySeconds"),
        (BATCH, _break(f"{ITEM}/GenerateItem/Retry", []), "GenerateItem: no Retry for"),
        (BATCH, _break(f"{ITEM}/ComposeItem/Catch/0/ResultPath", "$"), 'without ResultPath "$.error"'),
        (BATCH, _break(f"{ITEM}/ComposeItem/Catch/0/Next", "GenerateItem"), "GenerateItem, which does not fail"),
        (BATCH, _break(f"{ITEM}/NameItemError/Choices/0/Or/0/StringEquals", "Oops"), "an error Oops"),
        (BATCH, _break("States/AnswerItems/Catch", None), "AnswerItems does not catch States.ALL"),
        (BATCH, _break("States/EmbedBatch/Catch/0/ResultPath", "$.error"), 'without ResultPath "$"'),
        (BATCH, _break("States/BatchFailed", {"Type": "Pass", "Result": {}, "End": True}), "into BatchFailed, which"),
        (BATCH_BULK, _break("States/AnswerParts/Catch", None), "AnswerParts does not catch States.ALL"),
        (BATCH_BULK, _break("States/CollectBulk/TimeoutSeconds", 99_999), "CollectBulk may take longer"),
    ],
)
def test_the_linter_sees_in_a_machine_of_batches(
    tmp_path: Path, definition: Path, change: Callable[[dict[str, Any]], None], complaint: str
) -> None:
    broken = json.loads(definition.read_text())
    change(broken)
    path = tmp_path / definition.name
    path.write_text(json.dumps(broken))

    assert any(complaint in problem for problem in state_machine.problems(path, set()))


def test_the_linter_sees_what_is_no_json(tmp_path: Path) -> None:
    path = tmp_path / "broken.asl.json"
    path.write_text('{"StartAt": "A",}')

    assert "no valid JSON" in state_machine.problems(path, set())[0]
