"""Quality against the fusion weight: computed as production fuses, and drawn."""

import builtins
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag.retrieval import fused
from rag.tuning import FusionName, tuning_of
from ragctl.evaluation.datasets import Dataset
from ragctl.evaluation.fusion_curve import FusionCurve, between, fusion_curve
from ragctl.evaluation.plotting import check_plotting, plot
from ragctl.failure import Failure
from tests.fakes.fixed_results import FixedResults, found
from tests.unit.test_evaluation_ranking import chunks, ranker

DATASET = Dataset("tiny", 3, {"q1": "one"}, {"q1": {"c": 1}})
CURVE = FusionCurve("tiny", 1, "m", {0.0: 0.5, 0.5: 0.9, 1.0: 0.7}, dense=0.5, lexical=0.7, used_weight=0.4, used=0.8)


def test_the_ends_are_the_legs_and_the_weight_in_use_is_what_hybrid_mode_gives() -> None:
    store = FixedResults(*chunks("a", "b", "c"), lexical=[found(9, "one", "c"), found(1, "one", "a")])
    ranks = ranker(store)
    curve = fusion_curve(ranks, DATASET)
    assert (curve.points[0.0], curve.points[1.0]) == (curve.dense, curve.lexical) == (0.5, 1.0)
    assert curve.points[curve.used_weight] == curve.used
    assert len(curve.points) == 21


def test_the_best_weight_is_the_middle_of_the_widest_stretch_that_is_as_good() -> None:
    points = {0.0: 0.1, 0.2: 0.9, 0.4: 0.8999, 0.6: 0.9, 0.8: 0.7, 1.0: 0.1}
    curve = FusionCurve("tiny", 1, "m", points, 0.1, 0.1, 0.4, 0.8999)
    assert curve.best_weight == 0.4
    assert replace(curve, points={0.0: 0.9, 0.2: 0.1, 0.4: 0.8999, 0.6: 0.8998, 0.8: 0.1}).best_weight == 0.4
    assert replace(curve, points={0.0: 0.8998, 0.2: 0.1, 0.4: 0.9, 0.6: 0.1, 0.8: 0.8999}).best_weight == 0.4
    assert "best lexical weight 0.4 (nDCG@10 0.8999), in use 0.4" in curve.line()


def test_the_plot_is_a_png(tmp_path: Path) -> None:
    plot(CURVE, tmp_path / "curve.png")
    content = (tmp_path / "curve.png").read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert [int.from_bytes(content[start : start + 4]) for start in (16, 20)] == [1440, 900]


@pytest.mark.parametrize("name", ["curve.svg", "curve"])
def test_a_file_that_is_no_png_is_refused_beforehand(tmp_path: Path, name: str) -> None:
    with pytest.raises(Failure, match=r"ends in \.png"):
        check_plotting(tmp_path / name)


def test_a_directory_that_does_not_exist_is_told_beforehand(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="its directory does not exist"):
        check_plotting(tmp_path / "nowhere" / "curve.png")


def test_without_matplotlib_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def refusing(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return imported(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refusing)
    with pytest.raises(Failure, match=r"pip install .*plot"):
        check_plotting(tmp_path / "curve.png")


@pytest.mark.parametrize("fusion", ["convex", "reciprocal_rank"])
@pytest.mark.parametrize("weight", [0.0, 0.15, 0.5, 0.85, 1.0])
def test_between_the_ends_every_score_is_what_the_fusion_itself_gives(fusion: FusionName, weight: float) -> None:
    tuning = replace(tuning_of("any"), fusion=fusion)
    legs = chunks("a", "b", "c"), [found(9, "one", "c"), found(4, "two", "a"), found(1, "one two", "d")]
    first, last, expected = (
        fused("one two", *legs, replace(tuning, lexical_weight=share)) for share in (0.0, 1.0, weight)
    )
    found_between = between(first, last, weight)
    assert [candidate.chunk.chunk_id for candidate in found_between] == [one.chunk.chunk_id for one in expected]
    assert [candidate.score for candidate in found_between] == pytest.approx([one.score for one in expected])
