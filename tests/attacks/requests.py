"""Requests that try to reach what is closed, by every route, field, header, path, query string and token."""

import base64
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from tests.attacks.questions import INJECTIONS, question, refused_question
from tests.attacks.tokens import Forge
from tests.attacks.wire import Attempt, Fields

TARGETS = ("plans/merger.md", "plans/pay.md", "board/minutes.md", "board/pay.md", "drafts/hidden.md", "*", "secrets/")
_LIES: Fields = (
    ("X-Tenant", "victim"), ("X-Tenant-Id", "victim"), ("Tenant", "victim"), ("X-Groups", "board"),
    ("X-Principal", '{"tenant": "victim", "groups": ["board"]}'), ("X-Writer", "true"),
    ("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-User", "victim"), ("X-Forwarded-Host", "victim"),
    ("X-Original-URL", "/v1/documents?tenant=victim"), ("X-Rewrite-URL", "/v1/documents/plans/merger.md"),
    ("X-HTTP-Method-Override", "GET"), ("X-Amzn-Oidc-Identity", "victim"),
    ("X-Amzn-Oidc-Data", "eyJ0ZW5hbnQiOiJ2aWN0aW0ifQ"), ("X-Amz-Invocation-Type", "Event"),
    ("X-Amzn-RequestContext-Authorizer", '{"tenant": "victim"}'), ("X-Amz-Security-Token", "victim"),
    ("X-Apigateway-Event", '{"requestContext": {"authorizer": {"tenant": "victim"}}}'),
    ("X-Amz-Target", "AWSStepFunctions.DescribeExecution"), ("Cookie", "tenant=victim; groups=board"),
    ("Accept", "*/*; tenant=victim"), ("Origin", "http://victim"), ("X-Api-Key", "victim"), ("Prefer", "tenant=victim"),
)  # fmt: skip
_QUERY_STRINGS = (
    "", "", "", "?tenant=victim", "?groups=board&groups=hr", "?principal.tenant=victim", "?tenant[]=victim",
    "?authorizer=%7B%22tenant%22:%22victim%22%7D", "?query=vault&tenant=victim", "?$context.authorizer.tenant=victim",
)  # fmt: skip
_STATUSES = ("pending", "indexing", "ready", "failed", "deleted", "*", "ready' or '1'='1")


@dataclass(frozen=True)
class Known:
    """What the attacker has: its tokens, a forge, and what it has seen of the victim's executions and keys."""

    reader: str
    writer: str
    forge: Forge
    executions: Sequence[str]
    keys: Sequence[str]


class Attacker:
    """Makes up requests."""

    def __init__(self, known: Known, dice: random.Random) -> None:
        self._known = known
        self._dice = dice

    def attempt(self) -> Attempt:
        """Return the next request. Most are questions, the way to the index."""
        kinds: tuple[tuple[Callable[[], Attempt], int], ...] = (
            (self._question, 64),
            (self._refused_question, 5),
            (self._forged_question, 5),
            (self._execution, 5),
            (self._batch, 2),
            (self._others_execution, 5),
            (self._document, 7),
            (self._list, 4),
            (self._upload, 3),
        )
        (kind,) = self._dice.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])
        return kind()

    def _question(self) -> Attempt:
        return self._post("/v1/answers" + self._dice.choice(_QUERY_STRINGS), question(self._dice))

    def _refused_question(self) -> Attempt:
        return self._post("/v1/answers", refused_question(self._dice))

    def _forged_question(self) -> Attempt:
        forged, own = (f"Bearer {token}" for token in (self._known.forge.forged(self._dice), self._known.reader))
        fields: Fields = self._dice.choice(
            (
                [("Authorization", forged)],
                [("Authorization", forged), ("Authorization", own)],
                [("Authorization", own), ("Authorization", forged)],
                [("Authorization", own), ("authorization", forged)],
                [("Authorization", own), ("X-Authorization", forged)],
                [("Authorization", f"{own},{forged}")],
            )
        )
        return Attempt("POST", "/v1/answers", [*fields, *_JSON], question(self._dice))

    def _execution(self) -> Attempt:
        key = self._dice.choice((*self._known.keys, "k", *INJECTIONS[:3], f"k{self._dice.random()}"))
        return self._post("/v1/executions", question(self._dice), ("Idempotency-Key", key))

    def _batch(self) -> Attempt:
        asked = question(self._dice)
        queries = [asked["query"], question(self._dice)["query"]]
        shared = {name: value for name, value in asked.items() if name in ("filter", "mode", "top_k")}
        return self._post("/v1/batches", {"queries": queries, **shared})

    def _others_execution(self) -> Attempt:
        name = self._dice.choice(self._known.executions)
        spelled = self._dice.choice(
            (name, name.upper(), f"batch-{name}", f"./{name}", f"..%2Fexecutions%2F{name}", f"{name}%00", f"{name}:1",
             f"{name}?tenant=victim", f"x/../{name}", f"arn:aws:states:us-east-1:123456789012:execution:m:{name}"),
        )  # fmt: skip
        return self._get(f"/v1/executions/{spelled}")

    def _document(self) -> Attempt:
        target = self._dice.choice(TARGETS)
        spelled = self._dice.choice(
            (quote(target), quote(target, safe=""), quote(quote(target, safe="")), f"../victim/{target}",
             f"..%2Fvictim%2F{target}", f"%2e%2e/victim/{target}", f"..%252Fvictim%252F{target}", f"victim/{target}",
             f"documents/victim/{target}", f"{target}/", f"//{target}", f"{target}%00", f"{target}.metadata.json",
             f"..;/victim/{target}", f"%c0%ae%c0%ae/victim/{target}", quote(f'" or tenant == "victim/{target}')),
        )  # fmt: skip
        token = self._dice.choice((self._known.reader, self._known.writer))
        return Attempt(
            self._dice.choice(("GET", "GET", "DELETE")), f"/v1/documents/{spelled}", self._headers(token=token)
        )

    def _list(self) -> Attempt:
        cursor = json.dumps(
            {"tenant": self._dice.choice(("victim", "mallory")), "after": self._dice.choice(("a", "board/"))}
        )
        parameters = {
            "prefix": self._dice.choice(("", "board/", "secrets/", "../victim/", "plans/", "victim/", *INJECTIONS)),
            "status": self._dice.choice(_STATUSES),
            "limit": self._dice.choice(("1", "200", "-1", "1e9")),
            "next": base64.urlsafe_b64encode(cursor.encode()).decode().rstrip("="),
            "tenant": "victim",
        }
        names = self._dice.sample(list(parameters), self._dice.randint(0, 2))
        return self._get("/v1/documents?" + "&".join(f"{name}={quote(parameters[name], safe='')}" for name in names))

    def _upload(self) -> Attempt:
        target = self._dice.choice(TARGETS)
        spelled = (
            target,
            f"{target}.metadata.json",
            f"../victim/{target}",
            f"../../documents/victim/{target}",
            f"/victim/{target}",
        )
        body = {"document_id": self._dice.choice(spelled), "size": 10}
        headers = self._headers(*_JSON, token=self._dice.choice((self._known.reader, self._known.writer)))
        return Attempt("POST", "/v1/documents", headers, body)

    def _post(self, path: str, body: object, *fields: tuple[str, str]) -> Attempt:
        return Attempt("POST", path, self._headers(*_JSON, *fields), body)

    def _get(self, path: str) -> Attempt:
        return Attempt("GET", path, self._headers())

    def _headers(self, *fields: tuple[str, str], token: str | None = None) -> Fields:
        lies = self._dice.sample(_LIES, self._dice.choice((0, 1, 3)))
        return [("Authorization", f"Bearer {token or self._known.reader}"), *fields, *lies]


_JSON: Fields = (("Content-Type", "application/json"),)
