"""The path of headings in force at any place of a Markdown text."""

import pytest

from rag.documents.headings import HeadingPaths

TEXT = """\
# Manual

Intro.

## Setup > start

Step.

### Cables

Red.

Care
----

Wipe.
"""


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("# Manual", ""),
        ("Intro.", "Manual"),
        ("## Setup", "Manual"),
        ("Step.", "Manual > Setup > start"),
        ("### Cables", "Manual > Setup > start"),
        ("Red.", "Manual > Setup > start > Cables"),
        ("Care", "Manual"),
        ("Wipe.", "Manual > Care"),
    ],
)
def test_path_holds_the_headings_above_a_place(place: str, path: str) -> None:
    assert HeadingPaths(TEXT).above(TEXT.index(place)) == path


@pytest.mark.parametrize(
    "text",
    [
        "#hashtag",
        "    # indented code",
        "```sh\n# comment\n```",
        "~~~\n# comment\n```\n# still code\n~~~",
        "---\ntitle: front matter\n---\n",
        "- item\n---",
        "| a |\n|---|",
        "text\n\n---",
        "####### seven",
        "#",
    ],
)
def test_what_only_looks_like_a_heading_is_none(text: str) -> None:
    assert HeadingPaths(text).headings == []
