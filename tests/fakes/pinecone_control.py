"""Pinecone's control plane, as far as an index is made, found and deleted."""

import string

from tests.fakes.faulty_http import Request, Response
from tests.fakes.pinecone_wire import Json, Refused, json_object

_NAME_CHARACTERS = frozenset(string.ascii_lowercase + string.digits + "-")
_MANAGED = {"deployment_type": "managed", "cloud": "aws", "region": "us-east-1"}


class IndexRegistry:
    """Indexes by name. `describes_until_ready` is how often a new one is looked at before it is ready."""

    def __init__(self) -> None:
        self.indexes: dict[str, Json] = {}
        self.describes_until_ready = 0

    def create(self, request: Request, host: str) -> Response:
        body = json_object(request)
        name, schema = body.get("name", ""), body.get("schema")
        if not _NAME_CHARACTERS.issuperset(name) or not 1 <= len(name) <= 45 or name != name.strip("-"):
            raise _refused(400, "INVALID_ARGUMENT", "Name must consist of lower case letters, digits or '-'")
        if not isinstance(schema, dict) or not schema.get("fields"):
            raise _refused(400, "INVALID_ARGUMENT", "schema must declare a field")
        if name in self.indexes:
            raise _refused(409, "ALREADY_EXISTS", "Resource already exists")
        self.indexes[name] = {
            "name": name,
            "host": host,
            "status": {"ready": False, "state": "Initializing"},
            "schema": schema,
            "deployment": body.get("deployment") or _MANAGED,
            "deletion_protection": body.get("deletion_protection", "disabled"),
            "tags": body.get("tags"),
        }
        return Response.of_json(self.indexes[name], 201)

    def list(self) -> Response:
        return Response.of_json({"indexes": [*self.indexes.values()]})

    def describe(self, name: str) -> Response:
        index = self._find(name)
        if self.describes_until_ready > 0:
            self.describes_until_ready -= 1
        elif index["status"]["state"] == "Initializing":
            index["status"] = {"ready": True, "state": "Ready"}
        return Response.of_json(index)

    def delete(self, name: str) -> Response:
        if self._find(name)["deletion_protection"] == "enabled":
            raise _refused(403, "FORBIDDEN", "Deletion protection is enabled for this index")
        del self.indexes[name]
        return Response(202)

    def _find(self, name: str) -> Json:
        if name not in self.indexes:
            raise _refused(404, "NOT_FOUND", "Resource not found")
        return self.indexes[name]


def _refused(status: int, code: str, message: str) -> Refused:
    return Refused(Response.of_json({"error": {"code": code, "message": message}, "status": status}, status))
