"""What the functions that start executions are wired of, but for what is started."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from rag.adapters.dynamodb_counts import DynamoCounts
from rag.adapters.dynamodb_principals import DynamoPrincipals
from rag.adapters.step_functions import StepFunctionsExecutions
from rag.http.allowance import Allowance
from rag.http.callers import IdentifyCaller
from rag.http.endpoint import Endpoint, Operation
from rag.http.executions import StartOnce
from rag.http.settings import AskingSettings


def asking(
    settings: AskingSettings,
    operation: Callable[[StartOnce], Operation],
    body_of: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    prefix: str = "",
) -> Endpoint:
    """Return the endpoint of an operation that starts executions; `body_of` and `prefix` are as StartOnce has them."""
    table = settings.callers.principals_table
    start = StartOnce(
        executions=StepFunctionsExecutions(settings.state_machine),
        allowance=Allowance(DynamoCounts(table), settings.questions_per_day, time.time),
        body_of=body_of,
        prefix=prefix,
    )
    return Endpoint(IdentifyCaller(settings.callers.authorization, DynamoPrincipals(table)), operation(start))
