"""cfn-lint with AWS's serverless rules: on the template, on its translation, and on stacks with all values in."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ragctl.checks.translated import joined
from ragctl.local.account import REGION
from ragctl.rehearsal.findings import Finding

_LINTER: Final = "cfn-lint"
_SERVERLESS_RULES: Final = "cfn_lint_serverless.rules"


def template_findings(template: Path) -> list[Finding]:
    """Return what is wrong with the SAM template."""
    from cfnlint.decode import decode

    decoded, errors = decode(str(template))
    if errors:
        return [_finding("template", error) for error in errors]
    return _findings("template", decoded, append_rules=[_SERVERLESS_RULES])


def translated_findings(template: Mapping[str, Any]) -> list[Finding]:
    """Return what is wrong with a translated template."""
    resources = {name: joined(resource) for name, resource in template["Resources"].items()}
    return _findings("translated", json.loads(json.dumps({**template, "Resources": resources}, default=str)))


def stack_findings(side: str, template: Mapping[str, Any]) -> list[Finding]:
    """Return what a stack's resources have against CloudFormation's published schemas, once every value is known.

    Only errors: that a value stands there plainly is what warnings are about, and what was wanted here. What this
    process has found to be sound is not looked at again: most of a stack is the same in each combination.
    """
    texts = {name: json.dumps(one, default=str, sort_keys=True) for name, one in template["Resources"].items()}
    resources = {name: json.loads(text) for name, text in texts.items() if text not in _sound}
    if not resources:
        return []
    found = _findings(side, {**template, "Resources": resources})
    errors = [finding for finding in found if finding.rule.startswith("E")]
    suspects = {finding.resource for finding in errors}
    if "" not in suspects:
        _sound.update(texts[name] for name in resources.keys() - suspects)
    return errors


_sound: set[str] = set()


def _findings(side: str, template: dict[str, Any], **options: Any) -> list[Finding]:
    from cfnlint.config import ConfigMixIn, ManualArgs
    from cfnlint.runner import Runner

    runner = Runner(ConfigMixIn(**ManualArgs(regions=[REGION], **options)))
    return [_finding(side, match) for match in runner.validate_template(template)]


def _finding(side: str, match: Any) -> Finding:
    path = [str(part) for part in getattr(match, "path", None) or []]
    resource = path[1] if path[:1] == ["Resources"] and len(path) > 1 else ""
    where = "/".join(path[2:]) if resource else "/".join(path)
    return Finding(_LINTER, side, match.rule.id, resource, f"{match.message}{f' ({where})' if where else ''}")
