"""Which state of moto's is worth a journal: DynamoDB items, S3 objects, secrets, and which executions are running."""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.s3.exceptions import MissingBucket
from moto.s3.models import s3_backends
from moto.secretsmanager.models import secretsmanager_backends

from ragctl.local.account import ACCOUNT_ID, REGION
from ragctl.local.deliveries import Delivery
from ragctl.local.journal import Journal, Key, State

_LOST = (
    "which was running when the local stack stopped: run the command that started it again; "
    "rag doctor finds what an ingestion left unfinished"
)
ITEM, OBJECT, SECRET, EXECUTION, DELIVERY = "item", "object", "secret", "execution", "delivery"


class DurableState:
    """Reads states out of moto into the journal, and puts them back."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._ending = False
        self.waiting: list[Delivery] = []  # what `restore` found that waits or ran for an event
        self._readers: Mapping[str, Callable[..., State]] = {ITEM: _item, OBJECT: self._object, SECRET: _secret}
        self._restorers: Mapping[str, Callable[..., None]] = {
            ITEM: _restore_item,
            OBJECT: self._restore_object,
            SECRET: _restore_secret,
            DELIVERY: lambda name, state: self.waiting.append(Delivery(state["machine"], name, state["input"])),
        }

    def record(self, keys: Iterable[Key]) -> None:
        """Journal the present state of what a request may have changed."""
        self._journal.record([(key, self._readers[key[0]](*key[1:])) for key in keys])

    def execution_started(self, arn: str) -> None:
        """Note that an execution is running, so that the next start can tell that it was lost."""
        self._journal.record([((EXECUTION, arn), datetime.now(UTC).isoformat())])

    def execution_ended(self, arn: str) -> None:
        """Note that it is over."""
        if not self._ending:
            self._journal.record([((EXECUTION, arn), None)])

    def delivery_waits(self, delivery: Delivery) -> None:
        """Note an execution that an event asks for, so that the next start can run it if this one does not."""
        state = {"machine": delivery.machine_arn, "input": delivery.input}
        self._journal.record([((DELIVERY, delivery.name), state)])

    def delivery_done(self, delivery: Delivery) -> None:
        """Note that it is over, or cannot start."""
        self._journal.record([((DELIVERY, delivery.name), None)])

    def end(self) -> None:
        """Take what ends from now on for lost: it ends because the local stack does."""
        self._ending = True

    def restore(self) -> list[str]:
        """Put back what the last run left; return one line for each thing that it could not keep."""
        losses, running = [], []
        for key, state in self._journal.restored.items():
            kind, *address = key
            if kind == EXECUTION:
                running.append(address[0])
                self.execution_ended(address[0])
                continue
            try:
                self._restorers[kind](*address, state)
            except Exception as error:  # noqa: BLE001 - one state that the template has outgrown must not lose the rest
                losses.append(f"not restored: {kind} {' '.join(address)}: {type(error).__name__}")
        lost = [arn for arn in running if arn not in {delivery.execution_arn for delivery in self.waiting}]
        losses += [f"lost: execution {arn}, {_LOST}" for arn in lost]
        return losses

    def _object(self, bucket: str, name: str) -> State:
        """Return the current version of an object; of one that is deleted or hidden by a marker, nothing."""
        try:
            stored = s3_backends[ACCOUNT_ID]["aws"].get_object(bucket, name)
        except MissingBucket:
            return None
        if stored is None:
            return None
        return {
            "blob": self._journal.store_blob(stored.value),
            "metadata": dict(stored.metadata),
            "tags": s3_backends[ACCOUNT_ID]["aws"].tagger.get_tag_dict_for_resource(stored.arn),
            "version": stored.version_id,
            "etag": stored.etag,
            "modified": stored.last_modified.isoformat(),
        }

    def _restore_object(self, bucket: str, name: str, state: State) -> None:
        backend = s3_backends[ACCOUNT_ID]["aws"]
        if bucket not in backend.buckets:
            backend.create_bucket(bucket, REGION)
        content = self._journal.load_blob(state["blob"])
        stored = backend.put_object(bucket, name, content, disable_notification=True)  # it is no new object
        stored.set_metadata(state["metadata"], replace=True)
        if "version" in state:
            stored._version_id = state["version"]
            stored._etag = state["etag"].strip('"')
            stored.last_modified = datetime.fromisoformat(state["modified"])
        tags = [{"Key": tag, "Value": value} for tag, value in state["tags"].items()]
        backend.tagger.tag_resource(stored.arn, tags)


def item_key(table_name: str, attributes: Mapping[str, Any]) -> Key:
    """Return the journal's key of an item, from its attributes or its key alone."""
    table = dynamodb_backends[ACCOUNT_ID][REGION].get_table(table_name)
    names = [name for name in (table.hash_key_attr, table.range_key_attr) if name]
    return (ITEM, table.name, *(json.dumps(attributes[name], sort_keys=True) for name in names))


def secret_key(name_or_arn: str) -> Key:
    """Return the journal's key of a secret."""
    secret = secretsmanager_backends[ACCOUNT_ID][REGION].secrets.get(name_or_arn)
    return (SECRET, secret.name if secret else name_or_arn)


def _item(table_name: str, *key: str) -> State:
    table = dynamodb_backends[ACCOUNT_ID][REGION].get_table(table_name)
    hash_key, range_key = (*map(_attribute, key), None)[:2]
    item = table.get_item(hash_key, range_key) if hash_key else None
    return item and item.to_json()["Attributes"]


def _attribute(text: str) -> DynamoType:
    """Return an attribute as moto holds it: of a request's base64 it keeps the bytes."""
    (kind, value), *_ = json.loads(text).items()
    return DynamoType({kind: base64.b64decode(value) if kind == "B" else value})


def _restore_item(table_name: str, *key_and_state: Any) -> None:
    dynamodb_backends[ACCOUNT_ID][REGION].get_table(table_name).put_item(key_and_state[-1], overwrite=True)


def _secret(name: str) -> State:
    secret = secretsmanager_backends[ACCOUNT_ID][REGION].secrets.get(name)
    if secret is None or secret.is_deleted() or not secret.versions:
        return None
    version = secret.versions[secret.default_version_id or ""]
    if "secret_string" in version:
        return {"string": version["secret_string"]}
    return {"binary": version["secret_binary"]}


def _restore_secret(name: str, state: State) -> None:
    set_secret(name, state.get("string"), state.get("binary"))


def set_secret(name: str, text: str | None, binary: Any = None) -> None:
    """Give a secret a value, creating it if the template no longer does."""
    backend = secretsmanager_backends[ACCOUNT_ID][REGION]
    if name in backend.secrets:
        token = str(uuid4())  # moto takes a call without one for an attempt to create the secret again
        backend.update_secret(name, secret_string=text, secret_binary=binary, client_request_token=token)
    else:
        backend.create_secret(name, text, binary, None, None, None, None, [], force_overwrite=False)


def fill_secrets(value: str) -> None:
    """Give each secret that has none this value."""
    for secret in secretsmanager_backends[ACCOUNT_ID][REGION].secrets.values():
        if not secret.versions:
            set_secret(secret.name, value)
