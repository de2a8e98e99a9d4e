"""`python -m ragctl.rehearsal`: what `make rehearse` runs once everything is built."""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from time import monotonic
from typing import Any, Final

from ragctl.local.translation import TemplateError, translate
from ragctl.rehearsal.combinations import Combination, combinations
from ragctl.rehearsal.exceptions import read_exceptions, stale
from ragctl.rehearsal.findings import Finding, read_suppressions, unsuppressed
from ragctl.rehearsal.journeys import JOURNEYS, JourneyError, travel
from ragctl.rehearsal.linting import template_findings, translated_findings
from ragctl.rehearsal.rehearsing import Outcome, problems, rehearse_all, untried
from ragctl.rehearsal.report import document, heading, row
from ragctl.rehearsal.security import CHECKOV, CheckovError, security_findings

_HERE: Final = Path(__file__).parent
_DEFAULTS: Final = "defaults"


def main(arguments: list[str]) -> int:
    """Rehearse; return 0 if the deployment would hold, 1 if not."""
    options = _options(arguments)
    began = monotonic()
    chosen = [one for one in combinations() if fnmatchcase(one.name, options.only)]
    if not chosen:
        print(f"no combination is called {options.only}", file=sys.stderr)
        return 2
    out = sys.stderr if options.json else sys.stdout
    exceptions = read_exceptions(_HERE / "exceptions.toml")
    found: list[str] = []

    outcomes = list(_created(options, chosen, exceptions, out))
    found += problems(outcomes, exceptions)
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    if options.only == "*":
        created = {kind for outcome in outcomes for kind in outcome.created}
        occurring = created | {one.type for outcome in outcomes for one in outcome.absent}
        found += [*untried(outcomes), *stale(exceptions, created, occurring)]
        print("\nlinting the template and its translation: cfn-lint, checkov", file=out)
        try:
            findings += _linted(options, next(one for one in chosen if one.name == _DEFAULTS))
            found += unsuppressed(findings, read_suppressions(_HERE / "suppressions.toml"))
        except (TemplateError, CheckovError) as error:
            found.append(str(error))
    else:
        found += map(str, findings)
    arrivals = list(_travelled(options, found, out))

    seconds = monotonic() - began
    for problem in found:
        print(problem, file=sys.stderr)
    if options.json:
        print(json.dumps(document(outcomes, arrivals, exceptions, found, seconds), indent=1))
    resources = sum(outcome.resources for outcome in outcomes)
    made = sum(sum(outcome.created.values()) for outcome in outcomes)
    verdict = f"{len(found)} problems" if found else "the deployment holds"
    print(
        f"\n{len(outcomes)} stacks, {made:,} of {resources:,} resources created, {seconds:.0f} s: {verdict}", file=out
    )
    return 1 if found else 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ragctl.rehearsal", description=__doc__)
    parser.add_argument("--template", type=Path, default=Path("template.yaml"), help="the SAM template")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="these combinations, without the linters")
    parser.add_argument("--processes", type=int, default=min(os.cpu_count() or 1, 4), help="stacks at the same time")
    parser.add_argument("--checkov", type=Path, default=CHECKOV, help="the program checkov")
    parser.add_argument("--no-journeys", action="store_true", help="start no local stack")
    parser.add_argument("--json", action="store_true", help="print one JSON document; the table goes to standard error")
    return parser.parse_args(arguments)


def _created(
    options: argparse.Namespace, chosen: list[Combination], exceptions: dict[str, str], out: Any
) -> Iterator[Outcome]:
    width = max(len(one.name) for one in chosen)
    print(heading(width), file=out, flush=True)
    for outcome in rehearse_all(options.template, chosen, options.processes):
        print(row(outcome, width, exceptions), file=out, flush=True)
        yield outcome


def _linted(options: argparse.Namespace, defaults: Combination) -> list[Finding]:
    translated = translate(options.template, defaults.parameters).template
    text = json.dumps(translated, default=str)
    return [
        *template_findings(options.template),
        *translated_findings(translated),
        *security_findings("template", options.template.read_text("utf-8"), ".yaml", options.checkov),
        *security_findings("translated", text, ".json", options.checkov),
    ]


def _travelled(options: argparse.Namespace, found: list[str], out: Any) -> Iterator[dict[str, Any]]:
    for journey in [] if options.no_journeys else JOURNEYS:
        try:
            arrival = travel(journey, options.template)
        except JourneyError as error:
            found.append(f"a question and an ingestion, {journey.name}: {error}")
            continue
        told = f"{arrival.cited_by_machine} citations by the state machine, {arrival.cited_over_http} over HTTP"
        print(f"{journey.name}: {arrival.documents} document, {told}, {arrival.seconds:.0f} s", file=out, flush=True)
        yield arrival.as_object()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
