"""One combination of parameters: translated, created, looked for, and held against the published schemas."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from time import monotonic

from ragctl.local.translation import TemplateError, translate
from ragctl.rehearsal.combinations import Combination
from ragctl.rehearsal.creation import CreationError, create, empty_account
from ragctl.rehearsal.findings import Finding
from ragctl.rehearsal.linting import stack_findings
from ragctl.rehearsal.lookups import absence
from ragctl.rehearsal.prerequisites import filled


@dataclass(frozen=True)
class Absent:
    """A resource that the template asks for and that was not found."""

    logical_id: str
    type: str
    reason: str


@dataclass(frozen=True)
class Outcome:
    """What became of one combination. `failure` tells why there is no stack at all."""

    combination: Combination
    seconds: float
    failure: str | None = None
    created: Mapping[str, int] = field(default_factory=dict)  # by type
    absent: tuple[Absent, ...] = ()
    findings: tuple[Finding, ...] = ()
    conditions: Mapping[str, bool] = field(default_factory=dict)

    @property
    def resources(self) -> int:
        """The number of resources that the template asks for."""
        return sum(self.created.values()) + len(self.absent)


def rehearse(template: Path, combination: Combination) -> Outcome:
    """Create the whole stack in an account of its own, and look for each of its resources."""
    began = monotonic()
    try:
        with empty_account():
            stack = create(translate(template, filled(combination.parameters)))
            looked_for = [(one, absence(one)) for one in stack.resources]
    except (TemplateError, CreationError) as error:
        return Outcome(combination, monotonic() - began, failure=str(error))
    findings = stack_findings(combination.name, stack.template())
    return Outcome(
        combination,
        monotonic() - began,
        created=Counter(one.type for one, reason in looked_for if reason is None),
        absent=tuple(Absent(one.logical_id, one.type, reason) for one, reason in looked_for if reason),
        findings=tuple(findings),
        conditions=stack.conditions,
    )


def rehearse_all(template: Path, combinations: Iterable[Combination], processes: int) -> Iterator[Outcome]:
    """Yield the outcome of each combination, as they end."""
    with ProcessPoolExecutor(processes, get_context("spawn"), _quieten) as pool:
        for ended in as_completed([pool.submit(rehearse, template, one) for one in combinations]):
            yield ended.result()


def problems(outcomes: Iterable[Outcome], exceptions: Mapping[str, str]) -> Iterator[str]:
    """Yield what failed: stacks that cannot be made, resources neither found nor excepted."""
    for outcome in outcomes:
        name = outcome.combination.name
        if outcome.failure:
            yield f"{name}: {outcome.failure}"
        for absent in outcome.absent:
            if absent.type not in exceptions:
                yield f"{name}: {absent.logical_id} ({absent.type}) was not created: {absent.reason}"


def untried(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Yield each condition of the template that no combination turns."""
    seen: dict[str, set[bool]] = {}
    for outcome in outcomes:
        for name, value in outcome.conditions.items():
            seen.setdefault(name, set()).add(value)
    for name, values in sorted(seen.items()):
        if len(values) == 1:
            yield f"the condition {name} is {str(values.pop()).lower()} in every combination: add one that turns it"


def _quieten() -> None:
    """Keep the warnings of the translator and of moto to themselves: what matters becomes part of an outcome."""
    logging.getLogger().addHandler(logging.NullHandler())
