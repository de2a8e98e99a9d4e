"""The contract's mapping templates, rendered: whom they take a caller for, what they start, and what they tell."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rag.contracts import QueryInput
from rag.http.callers import IdentifyCaller, caller_id_of
from rag.http.problems import PROBLEMS
from ragctl.checks.contract import INTEGRATION
from ragctl.local.http.variables import Input, Util
from ragctl.local.http.velocity import render

DOCUMENT: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "api" / "openapi.yaml").read_text())
ASK: dict[str, Any] = DOCUMENT["paths"]["/v1/answers"]["post"][INTEGRATION]
SHOW: dict[str, Any] = DOCUMENT["paths"]["/v1/executions/{id}"]["get"][INTEGRATION]
REFUSED = "4[0-9]{2}"
NAMES = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "123456789012",
    "RagExpressStateMachine": "arn:express",
    "RagStateMachine.Name": "Rag",
    "BatchStateMachine.Name": "Batch",
}
ACME = {"principalId": "ada", "tenant": "acme", "groups": "board,staff"}
LIMIT = 200 * 1024
NEVER_OF_AN_EXECUTION = ("NotFound", "NoResults", "Conflict", "TooLarge", "UnsupportedMediaType")


def context(**values: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"identity": {}, "authorizer": {}, "responseOverride": {"header": {}}}
    return {"requestTimeEpoch": 1_764_000_000_123, **empty, **values}


def rendered(template: Any, authorization: str, body: bytes, variables: Any = None, **parameters: str) -> str:
    names = {**NAMES, "ApiAuthorization": authorization}
    if not isinstance(template, str):
        template = re.sub(r"\$\{([^}]+)\}", lambda match: names[match[1]], template["Fn::Sub"])
    given_input = Input(body, {"path": parameters})
    return render(template, {"input": given_input, "util": Util(), "context": variables or context()})


def started(authorization: str, body: bytes, variables: Any) -> dict[str, Any]:
    """Return the input of the execution that a request starts."""
    call = json.loads(rendered(ASK["requestTemplates"]["application/json"], authorization, body, variables))
    assert call["stateMachineArn"] == "arn:express"
    loaded: dict[str, Any] = json.loads(call["input"])
    return loaded


def answered(
    integration: Mapping[str, Any], pattern: str, answer: Mapping[str, Any], authorizer: Mapping[str, str] = ACME
) -> tuple[int, dict[str, Any], Mapping[str, str]]:
    """Return status, body and headers of what a caller is told."""
    variables = context(authorizer=authorizer)
    response = integration["responses"][pattern]
    text = rendered(response["responseTemplates"]["application/json"], "JWT", json.dumps(answer).encode(), variables)
    told = variables["responseOverride"]
    return int(told.get("status", response["statusCode"])), json.loads(text), told["header"]


def chunk(template: Any, beginning: str) -> str:
    text = template if isinstance(template, str) else template["Fn::Sub"]
    return str(text[text.index(f"## {beginning} {{") : text.index("## }", text.index(f"## {beginning} {{"))])


def test_who_calls_is_made_out_by_the_same_words_twice() -> None:
    shown = SHOW["responses"]["200"]["responseTemplates"]["application/json"]
    assert chunk(ASK["requestTemplates"]["application/json"], "who calls") == chunk(shown, "who calls")


def test_what_went_wrong_is_told_by_the_same_words_twice() -> None:
    texts = [one["responses"]["200"]["responseTemplates"]["application/json"] for one in (ASK, SHOW)]
    assert chunk(texts[0], "what went wrong") == chunk(texts[1], "what went wrong")


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sts::123456789012:assumed-role/Reader/ada@example",
        "arn:aws-us-gov:sts::123456789012:assumed-role/Reader/i-0abc",
        "arn:aws:iam::123456789012:user/ada",
        "arn:aws:iam::123456789012:user/division_abc/a:b/ada",
        "arn:aws:iam::123456789012:root",
        "arn:aws:sts::123456789012:federated-user/ada",
        "arn:aws:sts::123456789012:assumed-role/Reader",
        "arn:aws:iam::123456789012:user/",
        "arn:aws:iam::123456789012:user/a b",
        "arn:aws:iam::123456789012:role/Reader",
        "arn:aws:iam::1:root",
        "",
    ],
)
def test_an_identity_is_the_caller_that_the_functions_take_it_for(arn: str) -> None:
    taken = started("IAM", b'{"query":"x"}', context(identity={"userArn": arn}))["caller"]
    assert taken["id"] == (caller_id_of("IAM", {"userArn": arn}) or "nobody")
    assert "principal" not in taken


ARNS = st.builds(
    "arn:aws:{}::{}:{}".format,
    st.sampled_from(["iam", "sts"]),
    st.from_regex(r"[0-9]{11,13}", fullmatch=True),
    st.one_of(
        st.builds("assumed-role/{}/{}".format, *[st.text("aZ0_+=,.@-/: '\"\\", max_size=6)] * 2),
        st.builds("user/{}".format, st.text("aZ0_+=,.@-/:~!'\"\\ ", max_size=12)),
        st.just("root"),
    ),
)


@given(ARNS)
def test_any_identity_is_taken_alike_by_templates_and_functions(arn: str) -> None:
    taken = started("IAM", b'{"query":"x"}', context(identity={"userArn": arn}))["caller"]
    assert taken["id"] == (caller_id_of("IAM", {"userArn": arn}) or "nobody")


@pytest.mark.parametrize("key", ["abc123XYZ", "", "a/b", "count", "a b"])
def test_a_key_is_the_caller_that_the_functions_take_it_for(key: str) -> None:
    identity = {"apiKeyId": key, "userArn": "arn:aws:iam::123456789012:root"}
    taken = started("API_KEY", b'{"query":"x"}', context(identity=identity))["caller"]
    assert taken["id"] == (caller_id_of("API_KEY", identity) or "nobody")


def test_claims_are_the_principal() -> None:
    taken = started("JWT", b'{"query":"x"}', context(authorizer=ACME))
    principal = {"tenant": "acme", "groups": ["board", "staff"]}
    assert taken["caller"] == {"id": "token/ada", "asked_at": "1764000000", "principal": principal}


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {**ACME, "tenant": ""},
        {**ACME, "tenant": 'a","groups":["board"],"x":"'},
        {**ACME, "groups": '["a"],"tenant":"b"'},
        {**ACME, "groups": "A"},
        {**ACME, "groups": "board,"},
        {**ACME, "groups": "board, staff"},
        {**ACME, "groups": ",".join(["g"] * 65)},
        {**ACME, "principalId": ""},
        {**ACME, "principalId": "a b"},
    ],
)
def test_claims_that_make_no_whole_principal_make_none(claims: dict[str, str]) -> None:
    taken = started("JWT", b'{"query":"x"}', context(authorizer=claims))["caller"]
    assert taken == {"id": "nobody", "asked_at": "1764000000"}


@pytest.mark.parametrize("groups", ["", "board", "a,b-2", ",".join(f"g{number}" for number in range(64)), None])
def test_the_authorizer_s_groups_are_those_that_the_functions_take_them_for(groups: str | None) -> None:
    claims = (
        {**ACME, "groups": groups} if groups is not None else {name: ACME[name] for name in ("principalId", "tenant")}
    )
    taken = started("JWT", b'{"query":"x"}', context(authorizer=claims))["caller"]
    caller = IdentifyCaller("JWT", principals=NotImplemented)({"authorizer": claims})
    assert sorted(taken["principal"]["groups"]) == list(caller.principal.groups)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20))
def test_a_subject_cannot_get_out_of_its_place(subject: str) -> None:
    taken = started("JWT", b'{"query":"x"}', context(authorizer={**ACME, "principalId": subject}))["caller"]
    assert (taken["id"], taken["principal"]["tenant"]) == (f"token/{subject}", "acme")


def test_a_scheme_that_the_api_does_not_use_says_nothing() -> None:
    everything = context(identity={"userArn": "arn:aws:iam::123456789012:root", "apiKeyId": "key"}, authorizer={**ACME})
    taken = {way: started(way, b"{}", everything)["caller"]["id"] for way in ("IAM", "API_KEY", "JWT", "COGNITO")}
    assert taken == {"IAM": "root/123456789012", "API_KEY": "key/key", "JWT": "token/ada", "COGNITO": "token/ada"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_a_body_arrives_as_it_was_sent_and_beside_its_caller(body: dict[str, Any]) -> None:
    taken = started("JWT", json.dumps(body, ensure_ascii=False).encode(), context(authorizer=ACME))
    assert taken["body"] == body
    assert list(taken) == ["body", "caller"]


@pytest.mark.parametrize("text", ['it\'s "so" \\ and $x ${y} #if(1) #end ## no', "\u2028\x7f\U0001f600é", "</script>"])
def test_hostile_text_is_text(text: str) -> None:
    taken = started("JWT", json.dumps({"query": text}, ensure_ascii=False).encode(), context(authorizer=ACME))
    assert taken["body"] == {"query": text}


@pytest.mark.parametrize(("size", "starts"), [(LIMIT - 1, True), (LIMIT, True), (LIMIT + 2, False), (6_000_000, False)])
@pytest.mark.parametrize("letter", ["x", "é", "\U0001f600"])
def test_a_body_over_200_kib_starts_nothing(size: int, starts: bool, letter: str) -> None:
    frame = '{"query":""}'
    count, rest = divmod(size - len(frame), len(letter.encode()))
    body = f'{{"query":"{letter * count}{"x" * rest}"}}'.encode()
    assert len(body) == size
    call = json.loads(rendered(ASK["requestTemplates"]["application/json"], "JWT", body, context(authorizer=ACME)))
    assert call["stateMachineArn"] == "arn:express"
    assert starts == ("name" not in call)
    assert starts or not re.fullmatch(r"[A-Za-z0-9_-]+", call["name"])  # what Step Functions takes for a name
    assert starts or call["input"] == "{}"


def starting(body: Any) -> Any:
    sent = json.dumps(body, ensure_ascii=False).encode()
    return json.loads(rendered(ASK["requestTemplates"]["application/json"], "JWT", sent, context(authorizer=ACME)))


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("depth", [300, 398])
def test_a_body_may_open_four_hundred_lists_and_objects(opening: str, depth: int) -> None:
    closing = {"[": "]", '{"a":': "}"}[opening]
    sent = f'{{"query":"x","filter":{{"f":{opening * depth}1{closing * depth}}}}}'.encode()
    call = json.loads(rendered(ASK["requestTemplates"]["application/json"], "JWT", sent, context(authorizer=ACME)))
    assert json.loads(call["input"])["caller"]["id"] == "token/ada"


@pytest.mark.parametrize("shape", [[[]] * 398, [{}] * 398, [[[[]]]] * 200])
def test_with_more_of_them_it_is_an_input_that_step_functions_refuses(shape: Any) -> None:
    """What is nested deep must open much, and what is nested too deep would fail in the midst of the execution."""
    call = starting({"query": "x", "filter": {"f": shape}})
    assert call["stateMachineArn"] == "arn:express"
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(call["input"])


@pytest.mark.parametrize("text", ["[{" * 3_000, '"[{' * 900, "\\[{" * 900, '\\"[' * 900])
def test_brackets_in_a_text_are_no_nesting(text: str) -> None:
    assert json.loads(starting({"query": text})["input"])["body"] == {"query": text}


def test_the_largest_filter_and_history_are_let_through() -> None:
    condition = {"$or": [{"$and": [{f"f{n}": {"$in": ["x"]}}]} for n in range(50)]}
    body = {"query": "x", "filter": condition, "history": [{"role": "user", "content": "[{"}] * 20}
    assert json.loads(starting(body)["input"])["body"] == body


def test_an_answer_is_told_as_it_is() -> None:
    output = {"answer": 'it\'s "so" $x\u2028', "citations": [], "usage": {"cost_usd": 1e-7}}
    answer = {"status": "SUCCEEDED", "output": json.dumps(output), "name": "n"}
    assert answered(ASK, "200", answer) == (200, output, {})


@pytest.mark.parametrize("error", [name for name in PROBLEMS if name not in NEVER_OF_AN_EXECUTION])
def test_a_failed_execution_is_told_as_the_functions_tell_it(error: str) -> None:
    known = PROBLEMS["TimedOut" if error == "UpstreamTimedOut" else error]
    cause = 'query must be "1 to 8,000" characters\'.'
    answer = {"status": "FAILED", "error": error, "cause": cause, "name": "the-name"}
    status, body, headers = answered(ASK, "200", answer)
    told = known.body("the-name", cause if error == "InvalidRequest" else None)
    assert (status, body) == (known.status, told)
    assert headers["Content-Type"] == "application/problem+json"
    assert headers.get("Retry-After") == (str(known.retry_after) if known.retry_after else None)


@pytest.mark.parametrize(
    "failure",
    [
        {"status": "FAILED", "error": "Lambda.ServiceException", "cause": "arn:aws:lambda:secret"},
        {"status": "FAILED", "error": "KeyError", "cause": 'Traceback "secret"'},
        {"status": "FAILED", "error": "States.Runtime", "cause": "secret"},
        {"status": "FAILED"},
        {"status": "ABORTED"},
        {},
    ],
)
def test_what_nobody_foresaw_is_told_as_an_error_of_ours_and_quotes_nothing(failure: dict[str, str]) -> None:
    status, body, _ = answered(ASK, "200", {**failure, "name": "n"})
    assert (status, body) == (500, PROBLEMS["InternalError"].body("n"))


def test_an_execution_out_of_time_is_told_as_that() -> None:
    status, body, _ = answered(ASK, "200", {"status": "TIMED_OUT", "error": "States.Timeout", "name": "n"})
    assert (status, body) == (504, PROBLEMS["TimedOut"].body("n"))


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("InvalidName", "TooLarge"),
        ("com.amazonaws.swf.service.v2.model#InvalidName", "TooLarge"),
        ("InvalidArn", "InternalError"),
        ("ThrottlingException", "UpstreamThrottled"),
        ("AccessDeniedException", "InternalError"),
        ("StateMachineDoesNotExist", "InternalError"),
    ],
)
def test_what_step_functions_refuses_is_told_without_its_words(kind: str, problem: str) -> None:
    status, body, headers = answered(ASK, REFUSED, {"__type": kind, "message": "arn:aws:secret"})
    assert (status, body) == (PROBLEMS[problem].status, PROBLEMS[problem].body())
    assert ("Retry-After" in headers) == (status == 503)


def test_an_input_that_step_functions_cannot_read_is_the_caller_s_fault() -> None:
    status, body, _ = answered(ASK, REFUSED, {"__type": "InvalidExecutionInput", "message": "secret"})
    assert (status, body["type"]) == (400, "urn:serverless-rag:invalid-request")
    assert "secret" not in json.dumps(body)


@pytest.mark.parametrize("integration", [ASK, SHOW])
def test_step_functions_out_of_order_is_told_as_that(integration: dict[str, Any]) -> None:
    status, body, headers = answered(integration, "default", {"message": "secret"})
    assert (status, body, headers["Retry-After"]) == (503, PROBLEMS["UpstreamUnavailable"].body(), "2")


def _execution(status: str, **fields: Any) -> dict[str, Any]:
    owner = {"id": "token/ada", "principal": {"tenant": "acme", "groups": []}}
    given_input = {"body": {"query": "secret"}, "caller": owner}
    times = {"startDate": 1_764_000_000.123} | ({} if status == "RUNNING" else {"stopDate": 1_764_000_001.0})
    return {"name": "n-1", "status": status, "input": json.dumps(given_input), **times, **fields}


def test_an_execution_is_shown_to_its_caller() -> None:
    shown = {
        status: answered(SHOW, "200", _execution(status, **fields))[:2]
        for status, fields in {
            "RUNNING": {},
            "SUCCEEDED": {"output": '{"answer":"it\'s"}'},
            "FAILED": {"error": "QuotaExhausted", "cause": "secret"},
            "TIMED_OUT": {},
            "ABORTED": {},
        }.items()
    }
    assert {status: code for status, (code, _) in shown.items()} == dict.fromkeys(shown, 200)
    bodies = {status: body for status, (_, body) in shown.items()}
    assert bodies["RUNNING"] == {
        "id": "n-1",
        "status": "RUNNING",
        "started_at": 1_764_000_000.123,
        "ended_at": None,
        "result": None,
        "problem": None,
    }
    assert bodies["SUCCEEDED"]["result"] == {"answer": "it's"}
    problems = {status: body["problem"] for status, body in bodies.items() if body["problem"]}
    assert problems == {
        "FAILED": PROBLEMS["QuotaExhausted"].body("n-1"),
        "TIMED_OUT": PROBLEMS["TimedOut"].body("n-1"),
        "ABORTED": PROBLEMS["InternalError"].body("n-1"),
    }


def test_results_in_the_bucket_are_told_by_an_address_of_the_api_s_own() -> None:
    output = {"results_location": "s3://secret/batches/acme/batch-1/results.json", "answered": 97, "failed": 1}
    told = {"results_url": "/v1/batches/batch-1/results", "answered": 97, "failed": 1, "trace_id": "batch-1"}
    answer = {**_execution("SUCCEEDED", output=json.dumps({**output, "trace_id": "batch-1"})), "name": "batch-1"}
    status, body, _ = answered(SHOW, "200", answer)
    assert (status, body["result"]) == (200, told)


@pytest.mark.parametrize("name", ["n-1", "batch-1"])
def test_a_text_that_speaks_of_a_location_is_a_text(name: str) -> None:
    said = {"answer": '"results_location":"s3://said"'}
    output = said if name == "n-1" else {"results": [{"index": 0, "status": "ok", "answer": said}], "answered": 1}
    answer = {**_execution("SUCCEEDED", output=json.dumps(output)), "name": name}
    assert answered(SHOW, "200", answer)[1]["result"] == output


@pytest.mark.parametrize(
    "somebody",
    [
        {**ACME, "principalId": "eve"},
        {**ACME, "tenant": "globex"},
        {**ACME, "tenant": "globex", "principalId": "eve"},
        {},
    ],
)
def test_an_execution_is_shown_to_nobody_else(somebody: dict[str, str]) -> None:
    status, body, _ = answered(SHOW, "200", _execution("SUCCEEDED", output='{"answer":"secret"}'), somebody)
    assert (status, body) == (404, PROBLEMS["NotFound"].body())


@pytest.mark.parametrize("given_input", ['{"query":"x"}', "5", "[]", '{"caller":{}}', '{"caller":{"id":"nobody"}}'])
def test_what_a_script_started_is_nobody_s(given_input: str) -> None:
    for claims in (ACME, {}):
        status, body, _ = answered(SHOW, "200", {**_execution("RUNNING"), "input": given_input}, claims)
        assert (status, body) == (404, PROBLEMS["NotFound"].body())


@pytest.mark.parametrize(
    ("name", "machine"),
    [("a-1_B", "Rag:a-1_B"), ("batch-1", "Batch:batch-1"), ("batch", "Rag:batch"), ("x" * 80, f"Rag:{'x' * 80}")],
)
def test_an_id_names_an_execution_of_one_of_two_machines(name: str, machine: str) -> None:
    call = json.loads(rendered(SHOW["requestTemplates"]["application/json"], "JWT", b"", id=name))
    assert call == {"executionArn": f"arn:aws:states:eu-west-1:123456789012:execution:{machine}"}


@given(st.text(min_size=1).filter(lambda text: not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", text)))
def test_an_id_that_can_be_none_names_none(name: str) -> None:
    call = json.loads(rendered(SHOW["requestTemplates"]["application/json"], "JWT", b"", id=name))
    assert call["executionArn"].endswith(":execution:Rag:no-such-execution")


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("ExecutionDoesNotExist", "NotFound"),
        ("InvalidArn", "NotFound"),
        ("ThrottlingException", "UpstreamThrottled"),
        ("AccessDeniedException", "InternalError"),
    ],
)
def test_an_execution_that_cannot_be_looked_up_is_told_without_step_functions_words(kind: str, problem: str) -> None:
    status, body, _ = answered(SHOW, REFUSED, {"__type": kind, "message": "arn:aws:secret"})
    assert (status, body) == (PROBLEMS[problem].status, PROBLEMS[problem].body())


def test_what_no_schema_knows_reaches_the_query_and_is_refused_there() -> None:
    """A model's `additionalProperties` is a word that API Gateway documents as unsupported."""
    taken = started("JWT", b'{"query":"x","principal":{"tenant":"globex"}}', context(authorizer=ACME))
    assert taken["caller"]["principal"]["tenant"] == "acme"
    with pytest.raises(Exception, match="unknown field"):
        QueryInput.parse(taken["body"])
