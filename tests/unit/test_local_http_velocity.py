"""Mapping templates: what API Gateway writes is written, and what only Python's Velocity can do fails loudly."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragctl.local.http.java import rendered
from ragctl.local.http.variables import BodyNotJsonError, Input, Util
from ragctl.local.http.velocity import TemplateFailedError, render


def filled(template: str, body: object = None, **names: object) -> str:
    text = b"" if body is None else json.dumps(body).encode()
    return render(
        template, {"input": Input(text, {"path": {}, "querystring": {}, "header": {}}), "util": Util(), **names}
    )


class TestTemplates:
    def test_a_field_of_the_body_is_written_as_text_and_as_json(self) -> None:
        body = {"a": {"b": [1, {"c": "é\n"}]}}

        assert filled("$input.path('$.a.b[1].c')", body) == "é\n"
        assert filled("$input.json('$.a')", body) == '{"b":[1,{"c":"é\\n"}]}'

    def test_what_is_not_there_writes_nothing(self) -> None:
        assert filled("<$!input.path('$.b')$x.y>", {"a": 1}) == "<>"

    def test_a_body_is_not_evaluated_as_a_template(self) -> None:
        hostile = "$util.urlEncode('x') #set($a = 1) ${context} __FORMAL_REFERENCE__REPLACE_TEXT__"

        assert filled("$input.path('$.q')", {"q": hostile}) == hostile

    def test_an_undefined_condition_is_false(self) -> None:
        assert filled("#if($nothing)yes#{else}no#end") == "no"

    def test_strings_have_javas_methods(self) -> None:
        template = "#set($x = 'a/b/c')$x.split('/')[1] $x.length() $x.replaceAll('([a-c])', '<$1>') $x.startsWith('a')"

        assert filled(template) == "b 5 <a>/<b>/<c> true"

    @pytest.mark.parametrize(
        "template",
        [
            pytest.param("#set($x = 'a')$x.upper()", id="a method of Python's strings"),
            pytest.param("#set($x = 'a')$x.size()", id="a method that Java's strings lack"),
            pytest.param("$nothing.length()", id="a method of nothing"),
            pytest.param("$util.toJson('x')", id="a function of another service's $util"),
            pytest.param("$input.path('$.a')", id="a map written as text"),
            pytest.param("$input.json('$.missing')", id="JSON of what is not there"),
            pytest.param("$input.path('$..a')", id="a search by JSONPath"),
            pytest.param("#if(200 == '200')x#end", id="a number compared with a string"),
            pytest.param("#if($nothing == '')x#end", id="nothing compared with a string"),
            pytest.param("#if('')x#end", id="an empty string as a condition"),
            pytest.param("$util.parseJson('nope')", id="no JSON parsed"),
            pytest.param("$util.escapeJavaScript($nothing)", id="nothing escaped"),
            pytest.param("#if(true)", id="an open block"),
        ],
    )
    def test_what_differs_in_aws_fails(self, template: str) -> None:
        with pytest.raises(TemplateFailedError) as failed:
            filled(template, {"a": {"secret": 1}})

        assert "secret" not in str(failed.value)

    def test_a_body_that_is_no_json_cannot_be_read(self) -> None:
        broken = Input(b"{", {})

        with pytest.raises(BodyNotJsonError):
            broken.path("$")

    def test_an_empty_body_is_an_empty_object(self) -> None:
        assert filled("$input.json('$')") == "{}"

    @given(st.text())
    def test_escaped_text_comes_back_whole(self, text: str) -> None:
        template = """{"x": "$util.escapeJavaScript($input.path('$.x')).replaceAll("\\\\'", "'")"}"""

        assert json.loads(filled(template, {"x": text})) == {"x": text}

    @given(st.text())
    def test_base64_comes_back_whole(self, text: str) -> None:
        assert filled("$util.base64Decode($util.base64Encode($input.path('$.x')))", {"x": text}) == text

    @given(st.text())
    def test_url_encoding_comes_back_whole(self, text: str) -> None:
        assert filled("$util.urlDecode($util.urlEncode($input.path('$.x')))", {"x": text}) == text


class TestNumbers:
    @pytest.mark.parametrize(
        ("value", "written"),
        [(1, "1"), (1.0, "1.0"), (0.5, "0.5"), (1763832293.5, "1.7638322935E9"), (1e7, "1.0E7"), (0.0001, "1.0E-4")],
    )
    def test_numbers_are_written_as_java_does(self, value: float, written: str) -> None:
        assert rendered(value) == written

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_a_double_reads_back_as_itself(self, value: float) -> None:
        assert float(rendered(value)) == value


class TestParameters:
    def test_a_parameter_is_looked_for_in_path_query_and_headers(self) -> None:
        given_ = Input(b"", {"path": {"a": "1"}, "querystring": {"a": "2", "b": "3"}, "header": {"Content-Type": "x"}})

        assert [given_.params(name) for name in ("a", "b", "content-type", "none")] == ["1", "3", "x", ""]
