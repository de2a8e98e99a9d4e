"""Executions that events ask for: started in the order of the events, as many at once as this machine can use.

One that the local stack's own end cuts short is started again at the next start, as S3 and EventBridge lose no event.
"""

import logging
from collections import deque
from collections.abc import Callable
from threading import Condition, Thread
from typing import NamedTuple, Protocol
from uuid import uuid4

_MOST_AT_ONCE = 32  # each has threads of its own; the functions' workers are busy with fewer


class Delivery(NamedTuple):
    """An execution to be started."""

    machine_arn: str
    name: str
    input: str

    @property
    def execution_arn(self) -> str:
        """The ARN that the execution will have."""
        return f"{self.machine_arn.replace(':stateMachine:', ':execution:')}:{self.name}"


class Keeper(Protocol):
    """Remembers what waits or runs, so that the end of the local stack does not lose it."""

    def delivery_waits(self, delivery: Delivery) -> None:
        """Keep it."""

    def delivery_done(self, delivery: Delivery) -> None:
        """Let go of it."""


class Deliveries:
    """Queues executions and starts them on a thread of its own, once `serve` is called.

    Itself a watcher of executions: the end of one makes room for the next.
    """

    def __init__(
        self, start: Callable[[str, str, str], object], keeper: Keeper, most_at_once: int = _MOST_AT_ONCE
    ) -> None:
        self._start = start
        self._keeper = keeper
        self._most = most_at_once
        self._waiting: deque[Delivery] = deque()
        self._running: dict[str, Delivery] = {}  # by the execution's ARN
        self._changed = Condition()  # guards the above
        self._closed = False
        self._thread = Thread(target=self._run, name="deliveries", daemon=True)

    def deliver(self, machine_arn: str, event_id: str, execution_input: str) -> None:
        """Have a state machine started, by a name made of the event's id as EventBridge makes it."""
        delivery = Delivery(machine_arn, f"{event_id}_{uuid4()}", execution_input)
        self._keeper.delivery_waits(delivery)
        self.resume([delivery])

    def resume(self, deliveries: list[Delivery]) -> None:
        """Take up what the last run of the local stack left."""
        with self._changed:
            self._waiting.extend(deliveries)
            self._changed.notify_all()

    def serve(self) -> None:
        """Begin to start executions."""
        self._thread.start()

    def close(self) -> None:
        """Start no more, and keep what runs: what ends from now on ends because the local stack does."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def execution_started(self, arn: str) -> None:
        """Need not know: it was told of those it started."""

    def execution_ended(self, arn: str) -> None:
        """Make room for the next."""
        with self._changed:
            delivery = None if self._closed else self._running.pop(arn, None)
            self._changed.notify_all()
        if delivery:
            self._keeper.delivery_done(delivery)

    def _run(self) -> None:
        while delivery := self._next():
            try:
                self._start(delivery.machine_arn, delivery.name, delivery.input)
            except Exception:  # a state machine that is gone, an input that is none: the next event must not suffer
                logging.getLogger(__name__).exception("An event does not start %s", delivery.machine_arn)
                self.execution_ended(delivery.execution_arn)

    def _next(self) -> Delivery | None:
        with self._changed:
            while not self._closed and (not self._waiting or len(self._running) >= self._most):
                self._changed.wait()
            if self._closed:
                return None
            delivery = self._waiting.popleft()
            self._running[delivery.execution_arn] = delivery
            return delivery
