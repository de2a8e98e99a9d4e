"""Addresses are found in whatever form a reader or a renderer would follow them, and nothing else is taken for one."""

import pytest

from rag.addresses import addresses


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/x?d=1",
        "HTTP://EVIL.EXAMPLE",
        "ftp://evil.example",
        "evil-app://open",
        "hxxps://evil.example/x",
        "hxxps[:]//evil[.]example/x",
        "https:\\\\evil.example\\x",
        "https%3A%2F%2Fevil.example",
        "//evil.example/pixel.png",
        "\\\\evil\\share",
        "www.evil.example",
        "evil.com",
        "evil.co.uk",
        "evil[.]com",
        "evil(dot)com",
        "evil\\.com",
        "evil.example/path",
        "evil.example:8080",
        "10.1.2.3/pixel",
        "203.0.113.9:8080",
        "127.0.0.1:8080/pixel",
        "xn--80ak6aa92e.xn--p1ai",
        "someone@evil.example",
        "mailto:someone@evil.example",
        "javascript:alert(1)",
        "data:text/html;base64,PGI+",
        "tel:+4930123456",
        "\uff45\uff56\uff49\uff4c\uff0e\uff43\uff4f\uff4d",
        "evil\u3002com",
        "\u4f8b\u3048\u3002com/x",
        "evil.com._?x",
        "evil.com\uff0e-/x",
        "evil.com\uff0ex",
        "evil.com\uff0emd",
        "https\uff1a\uff0f\uff0fevil.example",
        "https:\u2215\u2215evil.example",
        "https://\U0001d41evil.example",
    ],
    ids=ascii,
)
def test_an_address_is_found_as_a_whole(address: str) -> None:
    (found,) = addresses(f"See ({address}), please.")
    assert (found.text, found.doubtful) == (address, False)


@pytest.mark.parametrize(
    "text",
    [
        "It costs 3.14 euros, e.g. at 10:30 a.m., as v1.2.3 of 24.12.2026 says.",
        "Ask 10.1.2.3 and/or Dr. Weber (U.S.).",
        "Read Node.js, report.pdf and config.yaml.",
        "README.md says: run main.py and setup.sh, not lib.rs.",
        "Network 10.0.0.0/8 is private; listen on 127.0.0.1:8080 and 192.168.1.2:80.",
        "It takes torch.nn.Conv2d, \uff13.\uff15 \uff05.",
        "Data: three. Note: JavaScript: The Good Parts. 1:2 // a comment",
        "費用は180ユーロです。次の日。",
        "Items[0].name and a[1]: b; C:\\Users\\x",
    ],
)
def test_what_only_looks_like_an_address_is_none(text: str) -> None:
    assert list(addresses(text)) == []


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("\uff0eevil.com/x", "evil.com/x"),
        ("\u2024evil.com/x", "evil.com/x"),
        ("\uff20evil.com/x", "evil.com/x"),
        (".evil.com/x", "evil.com/x"),
        ("@evil.com/x", "evil.com/x"),
        ("@x@evil.com", "x@evil.com"),
        ("a@x@evil.com", "x@evil.com"),
        ("a@.evil.com", "a@.evil.com"),
        ("v1.2/evil.com", "evil.com"),
        ("_www.a", "_www.a"),
        ("_www.&a", "www.&a"),
        ("evil.com\\.-", "evil.com\\.-"),
        ("a.b1?x.evil.com", "x.evil.com"),
        ('www."secret', 'www."secret'),
        ("_\uff0ehttps://evil.example", ".https://evil.example"),
    ],
    ids=ascii,
)
def test_what_stands_in_front_hides_no_address(text: str, host: str) -> None:
    assert [found.text.replace("\uff0e", ".") for found in addresses(text)] == [host]


@pytest.mark.parametrize("text", ["user.name", "script.pl", "model.to(device)", "ASP.NET", "notes.evil.md"])
def test_a_name_of_code_is_doubtful(text: str) -> None:
    assert [found.doubtful for found in addresses(text)] == [True]


def test_two_sentences_without_a_space_are_doubtful_and_can_be_told_apart() -> None:
    (found,) = addresses("It is paid apart.It is not refunded.")
    assert (found.doubtful, found.broken) == (True, "apart. It")
