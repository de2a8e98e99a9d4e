"""From template.yaml to plain CloudFormation, by AWS's own SAM translator.

Local directories become objects of a bucket that nobody needs to fill: their keys are the directories' paths, so that
whoever runs a function or mounts a layer finds its code from the CloudFormation resource alone.
"""

import json
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ragctl.local.account import REGION
from ragctl.local.constraints import misfit, violated_rule
from ragctl.local.references import dangling_reference
from ragctl.local.written_order import bodies, restore

CODE_BUCKET = "local"
_FEW = 8  # parameters that are all named where another was asked for
_NEAREST, _LIKENESS = 3, 0.5  # of more, so many, where they resemble it as difflib counts it

Template = dict[str, Any]

_CODE_PROPERTY = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}
_BODY_PROPERTY = {
    "AWS::Serverless::StateMachine": "Definition",
    "AWS::Serverless::Api": "DefinitionBody",
    "AWS::Serverless::HttpApi": "DefinitionBody",
}


class TemplateError(Exception):
    """The template, or a file or parameter of it, is not usable: told in one line."""


@dataclass(frozen=True)
class Translation:
    """A CloudFormation template, the directory that its code paths are relative to, and its parameters' values."""

    template: Template
    root: Path
    parameters: Mapping[str, str]


def read_template(path: Path) -> Template:
    """Parse a SAM template.

    Raises:
        TemplateError: it is missing or no template.
    """
    import yaml
    from samtranslator.yaml_helper import yaml_parse

    try:
        template = yaml_parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TemplateError(f"There is no {path}. Run this where the repository's template.yaml is.") from None
    except OSError as error:
        raise TemplateError(f"{path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TemplateError(f"{path} is not valid YAML: {_one_line(error)}") from error
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise TemplateError(f"{path} is no template: it has no section Resources.")
    return template


def translate(path: Path, overrides: Mapping[str, str]) -> Translation:
    """Return the CloudFormation template that the SAM template at `path` stands for.

    Raises:
        TemplateError: the template does not translate, a file that it names is missing, or a parameter does not fit.
    """
    prepared = prepare(path, read_template(path), overrides)
    return replace(prepared, template=transform(prepared.template, prepared.parameters))


def prepare(path: Path, template: Template, overrides: Mapping[str, str]) -> Translation:
    """Return the SAM template from `path` with its local files taken in, and its parameters' values: the quick part.

    Raises:
        TemplateError: a file or resource that it names is missing, or a parameter does not fit.
    """
    root = path.resolve().parent
    parameters = _parameters(template, overrides, path)
    if dangling := dangling_reference(template):
        raise TemplateError(dangling)
    _refer_to_local_files(template, root)
    return Translation(template, root, parameters)


def transform(template: Template, parameters: Mapping[str, str]) -> Template:
    """Return the CloudFormation template that a prepared SAM template stands for.

    Raises:
        TemplateError: it does not translate.
    """
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)  # the translator asks boto3 for the partition
    from samtranslator.model.exceptions import ExceptionWithMessage, InvalidDocumentException
    from samtranslator.translator import transform as translator

    logging.getLogger("samtranslator.feature_toggle").setLevel(logging.ERROR)  # toggles are its authors' business
    written = bodies(template)
    try:
        translated: Template = translator.transform(template, dict(parameters), _NoManagedPolicies())
    except InvalidDocumentException as error:
        causes = "; ".join(str(cause.message) for cause in error.causes)
        raise TemplateError(f"The template does not translate: {_one_line(causes)}") from error
    except ExceptionWithMessage as error:
        raise TemplateError(f"The template does not translate: {_one_line(error.message)}") from error
    restore(translated, written)
    return translated


class _NoManagedPolicies:
    """Spares the translator's call to IAM: the template names no policy that AWS manages."""

    def load(self) -> dict[str, str]:
        """Return no policy's ARN."""
        return {}


def _instead(unknown: str, declared: Iterable[str], path: Path) -> str:
    """Return what is said of the parameters that there are, where one is not."""
    known = {name.lower(): name for name in sorted(declared)}
    if len(known) <= _FEW:
        return f"It has: {', '.join(known.values())}."
    nearest = [known[name] for name in get_close_matches(unknown.lower(), known, _NEAREST, _LIKENESS)]
    told = f"Do you mean {' or '.join(nearest)}? " if nearest else ""
    return f"{told}All {len(known)} are below Parameters in {path}."


def _parameters(template: Template, overrides: Mapping[str, str], path: Path) -> dict[str, str]:
    """Return each parameter's value, held against what the template allows as CloudFormation would."""
    declared: Mapping[str, Mapping[str, Any]] = template.get("Parameters") or {}
    if unknown := sorted(set(overrides) - set(declared)):
        raise TemplateError(f"{path} has no parameter {unknown[0]}. {_instead(unknown[0], declared, path)}")
    values = {}
    for name, declaration in declared.items():
        default = declaration.get("Default")
        value = overrides.get(name, None if default is None else str(default))
        if value is None:
            raise TemplateError(f"{path} needs a value for {name}: pass --parameter {name}=...")
        if reason := misfit(declaration, value):
            raise TemplateError(f"Parameter {name} is {value!r}{reason}")
        values[name] = value
    if violated := violated_rule(template.get("Rules") or {}, values):
        raise TemplateError(violated)
    return values


def _refer_to_local_files(template: Template, root: Path) -> None:
    """Turn directories into addresses, and inline definitions that live in files of their own."""
    shared_code = ((template.get("Globals") or {}).get("Function") or {}).get("CodeUri")
    for logical_id, resource in template["Resources"].items():
        kind = resource.get("Type")
        properties = resource.setdefault("Properties", {})
        if (code := _CODE_PROPERTY.get(kind)) and "InlineCode" not in properties:
            directory = properties.get(code, shared_code)
            if isinstance(directory, str):
                properties[code] = _address(logical_id, code, directory, root)
        if body := _BODY_PROPERTY.get(kind):
            if isinstance(properties.get("DefinitionUri"), str):
                properties[body] = _definition(logical_id, "DefinitionUri", properties.pop("DefinitionUri"), root)
            elif file := _included(given := properties.get(body)):
                definition = _definition(logical_id, body, file, root)
                if not isinstance(definition, dict):
                    raise TemplateError(f"{logical_id}: its {body} {file} is no object.")
                beside = {name: value for name, value in given.items() if name != "Fn::Transform"}
                properties[body] = {**definition, **beside}


def _address(logical_id: str, name: str, directory: str, root: Path) -> str:
    if directory.startswith("s3://"):
        raise TemplateError(f"{logical_id}: its {name} is in S3. The local stack runs code of this directory.")
    if not (root / directory).is_dir():
        raise TemplateError(f"{logical_id}: its {name} {directory} is no directory in {root}.")
    return f"s3://{CODE_BUCKET}/{directory.rstrip('/')}"


def _included(body: object) -> str | None:
    """Return the file that a body consists of, where CloudFormation's AWS::Include takes it in."""
    match body:
        case {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": str(file)}}}:
            return file
    return None


def _definition(logical_id: str, name: str, file: str, root: Path) -> Any:
    import yaml

    try:
        text = (root / file).read_text(encoding="utf-8")
        return json.loads(text) if file.endswith(".json") else yaml.safe_load(text)
    except OSError as error:
        raise TemplateError(f"{logical_id}: its {name} {file} cannot be read: {error.strerror}.") from error
    except (ValueError, yaml.YAMLError) as error:
        raise TemplateError(f"{logical_id}: its {name} {file} does not parse: {_one_line(error)}") from error


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
