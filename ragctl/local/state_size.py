"""How large a state's data is: bytes of UTF-8, as in AWS. moto counts six for each character beyond ASCII."""

import json
from typing import Any

from moto.stepfunctions.parser.asl.component.state import state
from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_lambda
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service
from moto.stepfunctions.parser.quotas import MAX_STATE_SIZE_UTF8_BYTES

from ragctl.local.mending import replace


def mend() -> None:
    """Put what is below into moto's interpreter."""
    for module in (state, state_task_lambda, state_task_service):
        replace(module, "is_within_size_quota", _is_within_size_quota)


def _is_within_size_quota(value: Any) -> bool:
    text = (
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    )
    return len(text.encode("utf-8", "surrogatepass")) < MAX_STATE_SIZE_UTF8_BYTES
