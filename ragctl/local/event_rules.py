"""EventBridge's rules, which start state machines here: moto finds the rules that match, and then starts nothing."""

import logging
from collections.abc import Callable, Iterable
from copy import copy, deepcopy
from datetime import UTC, datetime
from typing import Any

from moto.events.models import Rule, events_backends

from ragctl.iam.policy import Call
from ragctl.local import s3_events
from ragctl.local.account import ACCOUNT_ID, REGION
from ragctl.local.authority import Authority, RefusedError
from ragctl.local.deliveries import Deliveries
from ragctl.local.event_input import target_input
from ragctl.local.journaling import Application, Environ
from ragctl.local.mending import replace

_send_by_moto: Callable[..., None] = Rule.send_to_targets


def mend(deliveries: Deliveries, authority: Authority) -> None:
    """Have rules hand their inputs to these."""

    def send_to_targets(rule: Any, original_event: dict[str, Any], transform_input: bool = True) -> None:
        """Send an event that matches: moto does so for a disabled rule too, and for every rule with a schedule."""
        if rule.state != "ENABLED" or rule.scheduled_expression or not rule.event_pattern.matches_event(original_event):
            return
        event = {**original_event, "time": _iso(original_event["time"])}
        for target in rule.targets:
            if ":stateMachine:" in target["Arn"]:
                if _may_start(authority, rule, target):
                    deliveries.deliver(target["Arn"], event["id"], target_input(target, event, rule.name, rule.arn))
            else:
                _send_elsewhere(rule, target, original_event, transform_input)

    replace(Rule, "send_to_targets", send_to_targets)


def announcing(application: Application) -> Application:
    """Send what a request did to objects to the rules, once it has been done and journaled."""

    def announce(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        with s3_events.collected() as events:
            answer = application(environ, start_response)
        bus = events_backends[ACCOUNT_ID][REGION].event_buses["default"]
        for event in events:
            rules: list[Any] = list(bus.rules.values())
            for rule in rules:
                rule.send_to_targets(event)
        return answer

    return announce


def _may_start(authority: Authority, rule: Any, target: dict[str, Any]) -> bool:
    """Return whether a target's role may start it, and note when it may not: AWS would count a failed invocation."""
    try:
        authority.require(target.get("RoleArn", ""), [Call("states:StartExecution", target["Arn"])])
    except RefusedError:
        logging.getLogger(__name__).exception("The rule %s does not reach %s", rule.name, target["Arn"])
        return False
    return True


def _send_elsewhere(rule: Any, target: Any, event: dict[str, Any], transform_input: bool) -> None:
    """Let moto send to a queue or log group, and note when it cannot."""
    alone = copy(rule)
    alone.targets = [target]
    try:
        _send_by_moto(alone, deepcopy(event), transform_input)
    except Exception:  # one target must not keep an event from the next
        logging.getLogger(__name__).exception("The rule %s does not reach %s", rule.name, target["Arn"])


def _iso(time: object) -> str:
    """Write the time of an event as EventBridge does; moto has seconds."""
    return time if isinstance(time, str) else f"{datetime.fromtimestamp(float(str(time)), UTC):%Y-%m-%dT%H:%M:%SZ}"
