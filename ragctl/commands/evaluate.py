"""`rag eval`: how good the answers of a deployment are."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ragctl.deployment import Deployment
from ragctl.failure import Failure


def evaluate(
    answers: Annotated[
        Path,
        typer.Option(help='A JSONL file of {"id", "question", "document", "contains"}; no document: unanswerable.'),
    ],
    tenant: Annotated[str, typer.Option(help="The tenant that holds the documents.")] = "default",
    stack: Annotated[str | None, typer.Option(help="A CloudFormation stack instead of the local one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Ask every question of a file and count right citations, contained answers and refusals.

    An answer is right when it cites the document named and contains the words given; a question that names no document
    is right when it is refused. The documents must be loaded (rag ingest --tenant ...).
    """
    from ragctl.asking import Asker, QueryFailedError
    from ragctl.evaluation import Question, judge, read_questions, summary

    questions = read_questions(answers)
    asker = Asker(Deployment.find(stack))

    def answer(question: Question) -> Any:
        return asker.ask({"query": question.text, "tenant": tenant}).output

    try:
        verdicts = []
        for verdict in judge(questions, answer):
            verdicts.append(verdict)
            if not verdict.right:
                typer.echo(_miss(verdict), err=True)
    except QueryFailedError as error:
        raise Failure(str(error)) from error
    counts = summary(verdicts)
    if as_json:
        typer.echo(json.dumps(counts))
        return
    typer.echo(f"Right document cited   {counts['right_document_cited']:3} of {counts['answerable']} answerable")
    typer.echo(f"Answer contained       {counts['answer_contained']:3} of {counts['answerable']}")
    typer.echo(f"Falsely refused        {counts['false_refusals']:3} of {counts['answerable']}")
    typer.echo(f"Rightly refused        {counts['right_refusals']:3} of {counts['unanswerable']} unanswerable")
    for kind, share in counts["right_refusals_by_kind"].items():
        typer.echo(f"  {kind:20} {share['refused']:3} of {share['of']}")


def _miss(verdict: Any) -> str:
    question = verdict.question
    if question.document is None:
        return f"{question.id}: answered, though no document does ({question.kind}): {question.text}"
    if verdict.refused:
        return f"{question.id}: refused ({verdict.reason}): {question.text}"
    found = "the right document without the words" if verdict.cited else "another document"
    return f"{question.id}: cited {found}: {question.text}"
