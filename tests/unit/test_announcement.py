"""What `rag up` tells once the local stack runs."""

from pathlib import Path

from ragctl.local.announcement import announcement
from ragctl.local.presence import Presence

QUERY = "arn:aws:states:us-east-1:123456789012:stateMachine:rag-RagStateMachine"


def lines(port: int = 4566, data: str = ".rag") -> list[str]:
    told = Presence(
        1, port, f"http://127.0.0.1:{port}", "http://127.0.0.1:3000", ready=True,
        services={"Model server": "http://127.0.0.1:9"}, functions=[f"rag-{number}" for number in range(40)],
        outputs={"StateMachineArn": QUERY, "ApiUrl": "http://127.0.0.1:3000"},
        stands_in_for=["A (AWS::A::B)"] * 40,
    )  # fmt: skip
    return list(announcement(told, Path(data) / "logs", ("wordllama-256", 256)))


def test_it_fits_a_screen_however_much_there_is() -> None:
    assert len(lines()) < 20
    assert "  Runs           40 functions, 1 state machine" in lines()


def test_it_names_the_addresses_the_model_and_the_state_machine() -> None:
    told = "\n".join(lines())

    for wanted in ("http://127.0.0.1:4566", "http://127.0.0.1:3000/docs", "wordllama-256, 256", ".rag/logs", QUERY):
        assert wanted in told


def test_the_next_command_names_an_endpoint_that_is_not_the_usual_one() -> None:
    assert "  rag ingest examples/handbook" in lines()
    assert "  RAG_ENDPOINT=http://127.0.0.1:5000 rag ingest examples/handbook" in lines(port=5000)


def test_another_data_directory_is_named_where_all_is_told() -> None:
    assert "  All of it      rag status --json" in lines()
    assert "  All of it      rag status --json --data-dir elsewhere" in lines(data="elsewhere")
