"""Executions that events ask for: in order, so many at once, and none forgotten."""

from collections.abc import Iterator
from queue import Queue
from threading import Lock

import pytest

from ragctl.local.deliveries import Deliveries, Delivery

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:m"
GUARD_SECONDS = 20.0  # only a failing test waits this long


class Ledger:
    """Remembers what waits."""

    def __init__(self) -> None:
        self.waiting: list[Delivery] = []
        self.done: Queue[Delivery] = Queue()

    def delivery_waits(self, delivery: Delivery) -> None:
        self.waiting.append(delivery)

    def delivery_done(self, delivery: Delivery) -> None:
        self.waiting.remove(delivery)
        self.done.put(delivery)


class Machines:
    """Notes what is started; fails on an input of "broken"."""

    def __init__(self) -> None:
        self.started: Queue[tuple[str, str]] = Queue()
        self._lock = Lock()
        self._running = self.most_running = 0

    def start(self, machine_arn: str, name: str, execution_input: str) -> None:
        if execution_input == "broken":
            raise ValueError
        with self._lock:
            self._running += 1
            self.most_running = max(self.most_running, self._running)
        self.started.put((f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}", execution_input))

    def end(self) -> None:
        with self._lock:
            self._running -= 1

    def next(self) -> tuple[str, str]:
        return self.started.get(timeout=GUARD_SECONDS)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def machines() -> Machines:
    return Machines()


@pytest.fixture
def deliveries(ledger: Ledger, machines: Machines) -> Iterator[Deliveries]:
    deliveries = Deliveries(machines.start, ledger, most_at_once=2)
    yield deliveries
    deliveries.close()


def test_executions_start_in_the_order_of_their_events(deliveries: Deliveries, machines: Machines) -> None:
    for number in range(2):
        deliveries.deliver(MACHINE, "event", str(number))
    deliveries.serve()

    assert [machines.next()[1], machines.next()[1]] == ["0", "1"]


def test_each_execution_has_a_name_of_its_own_made_of_the_event(deliveries: Deliveries, machines: Machines) -> None:
    deliveries.serve()
    for _ in range(2):
        deliveries.deliver(MACHINE, "event", "{}")

    names = {machines.next()[0].rpartition(":")[2] for _ in range(2)}
    assert len(names) == 2
    assert all(name.startswith("event_") and len(name) <= 80 for name in names)


def test_no_more_run_than_may_and_an_end_makes_room(deliveries: Deliveries, machines: Machines) -> None:
    for number in range(20):
        deliveries.deliver(MACHINE, "event", str(number))
    deliveries.execution_ended("an execution that no event asked for")
    deliveries.serve()

    for number in range(20):
        arn, execution_input = machines.next()
        assert execution_input == str(number)
        machines.end()
        deliveries.execution_ended(arn)

    assert machines.most_running == 2


def test_one_that_cannot_start_does_not_keep_the_next(deliveries: Deliveries, machines: Machines) -> None:
    deliveries.serve()
    for execution_input in ("broken", "broken", "broken", "fine"):
        deliveries.deliver(MACHINE, "event", execution_input)

    assert machines.next()[1] == "fine"


def test_what_is_asked_for_is_kept_until_it_has_ended(
    deliveries: Deliveries, machines: Machines, ledger: Ledger
) -> None:
    deliveries.deliver(MACHINE, "event", "{}")
    (kept,) = ledger.waiting
    deliveries.serve()
    arn, _ = machines.next()

    assert arn == kept.execution_arn
    assert ledger.waiting == [kept]
    deliveries.execution_ended(arn)
    assert ledger.waiting == []


def test_what_cannot_start_is_not_kept(deliveries: Deliveries, ledger: Ledger) -> None:
    deliveries.deliver(MACHINE, "event", "broken")
    (kept,) = ledger.waiting
    deliveries.serve()

    assert ledger.done.get(timeout=GUARD_SECONDS) == kept


def test_what_ends_with_the_local_stack_is_kept(ledger: Ledger, machines: Machines) -> None:
    deliveries = Deliveries(machines.start, ledger)
    deliveries.serve()
    deliveries.deliver(MACHINE, "event", "{}")
    arn, _ = machines.next()
    deliveries.close()
    deliveries.execution_ended(arn)

    assert [delivery.execution_arn for delivery in ledger.waiting] == [arn]


def test_what_an_earlier_run_left_is_taken_up(deliveries: Deliveries, machines: Machines, ledger: Ledger) -> None:
    left = Delivery(MACHINE, "name", "{}")
    ledger.waiting.append(left)
    deliveries.resume([left])
    deliveries.serve()

    assert machines.next() == (left.execution_arn, "{}")


def test_nothing_starts_after_the_end(ledger: Ledger, machines: Machines) -> None:
    deliveries = Deliveries(machines.start, ledger)
    deliveries.serve()
    deliveries.close()
    deliveries.deliver(MACHINE, "event", "{}")

    assert machines.started.empty()
    assert len(ledger.waiting) == 1
