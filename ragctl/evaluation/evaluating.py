"""One run of `rag eval`: load what is to be searched, rank, ask."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from ragctl.asking import Asker
from ragctl.deployment import Deployment
from ragctl.evaluation.answers import Question, Verdict, as_dataset, judge, miss_line, read_questions
from ragctl.evaluation.comparison import check_comparable
from ragctl.evaluation.datasets import CORPUS, Dataset, dataset_name, read_dataset
from ragctl.evaluation.fusion_curve import fusion_curve
from ragctl.evaluation.loading import load_corpus
from ragctl.evaluation.measurement import Measurement
from ragctl.evaluation.outcome import Outcome
from ragctl.evaluation.ranking import Progress, Ranker, RankingName
from ragctl.evaluation.retrieval import measured
from ragctl.evaluation.wired import count_documents, ranker
from ragctl.failure import Failure

MODES: Final[Sequence[RankingName]] = get_args(RankingName)


@dataclass(frozen=True)
class Wanted:
    """What to measure: in which modes (none named: all that the deployment has), with how many queries at most.

    What is found is to be compared with the baseline.
    """

    modes: Sequence[str]
    limit: int | None
    curve: bool
    baseline: Measurement | None = None


def evaluate_dataset(
    deployment: Deployment, directory: Path, split: str, wanted: Wanted, tell: Progress, *, load: bool
) -> Outcome:
    """Load a dataset unless that is done, and measure retrieval on the queries of a split.

    Raises:
        Failure: the dataset is malformed or not that of the baseline, or the deployment lacks something.
        RagError: as the adapters do.
    """
    dataset = read_dataset(directory, split, wanted.limit)
    for note in dataset.notes:
        tell(note)
    _check(dataset, wanted)
    ranks = ranker(deployment, dataset.tenant)
    modes = _modes(ranks, wanted, tell)
    if load:
        tell(f"Loading {dataset.documents:,} documents into the tenant {dataset.tenant}")
        load_corpus(deployment, dataset.tenant, directory / CORPUS, tell)
    return _measured(ranks, dataset, modes, wanted, tell)


def evaluate_answers(
    deployment: Deployment, files: Sequence[Path], tenant: str, wanted: Wanted, tell: Progress
) -> Outcome:
    """Measure retrieval on the questions of files, and ask each of them.

    Raises:
        Failure: a file is malformed or not that of the baseline, the tenant holds no documents, or a question could
            not be asked.
        RagError: as the adapters do.
    """
    questions = read_questions(*files)[: wanted.limit]
    documents = count_documents(deployment, tenant)
    if not documents:
        raise Failure(f"The tenant {tenant} holds no documents. Load them: rag ingest PATH --tenant {tenant}")
    dataset = as_dataset("-".join(map(dataset_name, files)), questions, documents)
    _check(dataset, wanted)
    ranks = ranker(deployment, tenant)
    found = _measured(ranks, dataset, _modes(ranks, wanted, tell), wanted, tell)
    tell(f"Asking {len(questions):,} questions")
    return Outcome(found.dataset, found.rows, _asked(deployment, tenant, questions, tell), found.curve)


def _check(dataset: Dataset, wanted: Wanted) -> None:
    if wanted.baseline:
        chosen = wanted.baseline.only(set(wanted.modes)) if wanted.modes else wanted.baseline
        check_comparable(chosen, dataset.name, dataset.queries)


def _modes(ranks: Ranker, wanted: Wanted, tell: Progress) -> list[RankingName]:
    modes = [mode for mode in MODES if mode in wanted.modes] or [
        mode for mode in MODES if mode != "reranked" or ranks.reranked
    ]
    if "reranked" in modes and ranks.reranked is None:
        raise Failure("The deployment has no reranker: deploy it with the parameter Reranker, or leave this mode out.")
    if not wanted.modes and ranks.reranked is None:
        tell("Left out: reranked. The deployment has no reranker.")
    return modes


def _measured(ranks: Ranker, dataset: Dataset, modes: Sequence[RankingName], wanted: Wanted, tell: Progress) -> Outcome:
    rows = measured(ranks, dataset, modes, tell, all_of_them=bool(wanted.modes))
    return Outcome(dataset, rows, curve=fusion_curve(ranks, dataset) if wanted.curve else None)


def _asked(deployment: Deployment, tenant: str, questions: Sequence[Question], tell: Progress) -> list[Verdict]:
    asker = Asker(deployment)

    def answer(question: Question) -> Any:
        return asker.ask({"query": question.text, "tenant": tenant}).output

    verdicts: list[Verdict] = []
    for verdict in judge(questions, answer):
        verdicts.append(verdict)
        if not verdict.right:
            tell(miss_line(verdict))
    return verdicts
