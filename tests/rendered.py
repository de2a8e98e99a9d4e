"""What a renderer makes of an answer, by rules that know nothing of the code that bounds it.

Elements, links and images are those of CommonMark (markdown-it-py), addresses those of GitHub's extended autolinks
(https://github.github.com/gfm/#autolinks-extension-), which reach up to ASCII white space or "<", and bare hosts as
chat windows find them.
"""

import html
import re

from markdown_it import MarkdownIt

_MARKDOWN = MarkdownIt("commonmark", {"html": True})
_LAYOUT = "p em strong code pre ul ol li blockquote h1 h2 h3 h4 h5 h6 hr br"
_AUTOLINKS = (
    r"(?:https?|ftp)://[^ \t\n\r\f\v<]+",
    r"(?<![^\s*_~(])www\.[^ \t\n\r\f\v<]+",
    r"[a-z0-9.+_-]+@[a-z0-9_-]*(?:\.[a-z0-9_-]+)+",
    r"(?<![\w.@/-])(?:[\w-]+\.)+(?:com|org|net|io)(?![\w-])(?:[/?#][^ \t\n\r\f\v<]*)?",
)
_CLOSING = "[?!.,:;*_~'\"`)\\]}>|…’”»\u3001\u3002\u300d\u300f\u3011\uff09\uff0c]+$"  # of a sentence: it holds no data
_TASK = r"(?m)^[ \t>]*(?:[-*+]|\d+[.)])[ \t]+\[[ xX]\](?=\s|$)"


def followed(text: str) -> set[str]:
    """Return the addresses that a reader could follow or a window could load."""
    found = {re.sub(_CLOSING, "", hit) for rule in _AUTOLINKS for hit in re.findall(f"(?i){rule}", text)}
    rendered = _MARKDOWN.render(text)
    targets = {html.unescape(target) for target in re.findall(r'(?:href|src)="([^"]*)"', rendered)}
    return (found | targets) - {"www", ""}


def elements(text: str) -> set[str]:
    """Return the names of the elements that are more than layout of text, in small letters."""
    names = {name.lower() for name in re.findall(r"<([A-Za-z!?][\w:-]*)", _MARKDOWN.render(text))}
    return (names - {*_LAYOUT.split()}) | ({"input"} if re.search(_TASK, text) else set())
