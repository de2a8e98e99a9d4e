"""Which operation a path is for."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragctl.local.http.definition import DefinitionError, operations
from ragctl.local.http.routing import Router

MOCK = {"x-amazon-apigateway-integration": {"type": "mock"}}


def router(*paths: str) -> Router:
    return Router(operations({"paths": {path: {"get": MOCK} for path in paths}}))


def found(paths: Router, path: str) -> tuple[str, dict[str, str]] | None:
    match = paths.find("GET", path)
    return (match[0].path, dict(match[1])) if match else None


class TestRouting:
    def test_a_literal_goes_before_a_variable_and_that_before_a_greedy_one(self) -> None:
        paths = router("/v1/a", "/v1/{x}", "/v1/{rest+}")

        assert found(paths, "/v1/a") == ("/v1/a", {})
        assert found(paths, "/v1/b") == ("/v1/{x}", {"x": "b"})
        assert found(paths, "/v1/b/c") == ("/v1/{rest+}", {"rest": "b/c"})

    def test_a_dead_end_below_a_literal_does_not_hide_the_greedy_path(self) -> None:
        assert found(router("/v1/a/b", "/{rest+}"), "/v1/a/c") == ("/{rest+}", {"rest": "v1/a/c"})

    def test_a_greedy_path_needs_a_segment(self) -> None:
        paths = router("/v1/documents", "/v1/documents/{id+}")

        assert found(paths, "/v1/documents/") == ("/v1/documents", {})
        assert found(paths, "/v1/documents/a%2Fb/c%20d") == ("/v1/documents/{id+}", {"id": "a/b/c d"})

    @pytest.mark.parametrize("path", ["/", "/v1", "/v2/a", "/v1/a/b"])
    def test_other_paths_are_nobodys(self, path: str) -> None:
        assert found(router("/v1/a"), path) is None

    def test_another_method_is_nobodys(self) -> None:
        assert router("/v1/a").find("PATCH", "/v1/a") is None

    @given(st.text(min_size=1))
    def test_an_encoded_segment_comes_back_whole(self, text: str) -> None:
        assert found(router("/v1/{x}"), f"/v1/{quote(text, safe='')}") == ("/v1/{x}", {"x": text})

    def test_an_operation_without_integration_is_refused(self) -> None:
        with pytest.raises(DefinitionError, match="GET /v1/a"):
            list(operations({"paths": {"/v1/a": {"get": {}}}}))
