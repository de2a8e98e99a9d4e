"""Documents that an attacker must not see, each with canaries in its text, title, metadata and name, and its own ones.

The attacker is in the tenant `mallory` and its group `sales`. It knows whatever could be guessed: tenants, groups, ids
of documents and what they are about. It knows no canary, so each that it is shown is a leak.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.identity import chunk_id
from rag.models import NOBODY, Chunk, Principal
from rag.registration import Registration

ATTACKER = Principal("mallory", ("sales",))
COLLEAGUE = Principal("mallory", ("board",))
VICTIM = Principal("victim", ("board", "sales"))
CANARY = re.compile("canary[0-9]{4}", re.IGNORECASE)

_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")


@dataclass(frozen=True)
class Planted:
    """A document of one chunk."""

    tenant: str
    document_id: str
    text: str
    title: str
    groups: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str | float | bool], ...] = ()

    @property
    def version(self) -> str:
        """Its only version, named by where it came from, as ingestion does."""
        return f"1-{hashlib.sha256(f'documents/{self.tenant}/{self.document_id}'.encode()).hexdigest()[:12]}"

    @property
    def chunk(self) -> Chunk:
        """Its only chunk."""
        return Chunk(
            chunk_id(self.tenant, self.document_id, self.version, 0),
            self.document_id,
            self.version,
            0,
            self.title,
            self.document_id,
            self.text,
            20,
            0,
            len(self.text),
            groups=self.groups,
            metadata=dict(self.metadata),
        )

    @property
    def registration(self) -> Registration:
        """What the registry holds of it."""
        hidden = self.groups == (NOBODY,)
        return Registration(
            self.tenant,
            self.document_id,
            turn=1,
            status="ready",
            source=self.document_id,
            key=f"documents/{self.tenant}/{self.document_id}",
            live_version=self.version,
            versions={self.version: 1},
            title=self.title,
            format="text",
            size=len(self.text),
            groups=() if hidden else self.groups,
            hidden=hidden,
            metadata=dict(self.metadata),
        )


def planted() -> Sequence[Planted]:
    """Return every document: those with canaries, and those of the attacker."""
    return [*_guarded(), *_own()]


def leaks(shown: str | bytes) -> set[str]:
    """Return the canaries in a text, as they are or in base64."""
    text = shown.decode("utf-8", "replace") if isinstance(shown, bytes) else shown
    found = set(CANARY.findall(text))
    for encoded in _ENCODED.findall(text):
        found |= set(CANARY.findall(_decoded(encoded)))
    return found


def _decoded(text: str) -> str:
    padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
    try:
        return base64.b64decode(padded, altchars=b"-_").decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def _guarded() -> Iterator[Planted]:
    """Yield what is closed to the attacker: of another tenant, of a group it is not in, and of nobody."""
    places: Sequence[tuple[str, str, tuple[str, ...]]] = (
        ("victim", "plans/merger.md", ()),
        ("victim", "handbook.md", ()),  # the attacker has one of this name
        ("victim", "plans/pay.md", ("sales",)),  # and is in a group of this name
        ("victim", "*", ("board",)),
        ("mallory", "board/minutes.md", ("board",)),
        ("mallory", "board/pay.md", ("board", "hr")),
        ("mallory", "drafts/hidden.md", (NOBODY,)),
    )
    for number, (tenant, name, groups) in enumerate(places):
        for named in (name, f"secrets/canary{number}900.md"):
            unique = f"canary{number}{'1' if named == name else '2'}"
            yield Planted(
                tenant,
                named,
                f"The vault opens with the phrase {unique}01. The merger closes in May and pay rises by {unique}02.",
                f"Vault, merger and pay {unique}03",
                groups,
                (("kind", f"plan {unique}04"), ("code", f"{unique}05"), ("year", 2026), ("tenant", tenant)),
            )


def _own() -> Iterator[Planted]:
    yield Planted("mallory", "handbook.md", "The vault is on the second floor. Pay is on the first of May.", "Handbook")
    yield Planted(
        "mallory", "sales/prices.md", "A merger costs nothing. The phrase of the day is: sell.", "Prices", ("sales",)
    )
    yield Planted("mallory", "plans.md", "Plans are made in May.", "Plans", (), (("kind", "plan"), ("year", 2026)))
