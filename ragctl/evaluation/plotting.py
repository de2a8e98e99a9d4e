"""Quality against the fusion weight, as a picture."""

from pathlib import Path
from typing import Any, Final

from ragctl.evaluation.fusion_curve import FusionCurve
from ragctl.failure import Failure

_MISSING: Final = "--plot needs matplotlib. Install it: .venv/bin/python -m pip install -e '.[plot]'"
_CURVE: Final = "#1f5fa8"
_MARK: Final = "#c8501e"
_GREY: Final = "#5c6670"


def check_plotting(path: Path) -> None:
    """Tell beforehand if no picture can be made.

    Raises:
        Failure: matplotlib is missing, or the file is no PNG in a directory that exists.
    """
    if path.suffix.lower() != ".png":
        raise Failure(f"--plot writes PNG: name a file that ends in .png, not {path.name}.")
    if not path.resolve().parent.is_dir():
        raise Failure(f"{path} cannot be written: its directory does not exist.")
    try:
        import matplotlib  # noqa: F401 - only whether it is there
    except ImportError:
        raise Failure(_MISSING) from None


def plot(curve: FusionCurve, path: Path) -> None:
    """Write the curve as a PNG of 1,440 × 900 pixels.

    Raises:
        Failure: matplotlib is missing, or the file cannot be written.
    """
    check_plotting(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 6), dpi=150, layout="constrained")
    axes = figure.subplots()
    _draw(axes, curve)
    try:
        figure.savefig(path, format="png")
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}.") from error


def _draw(axes: Any, curve: FusionCurve) -> None:
    weights, values = list(curve.points), list(curve.points.values())
    best = curve.best_weight
    axes.axhline(curve.lexical, color=_GREY, linestyle="--", label=f"lexical alone, {curve.lexical:.4f}")
    axes.axhline(curve.dense, color=_GREY, linestyle=":", label=f"dense alone, {curve.dense:.4f}")
    axes.plot(weights, values, color=_CURVE, marker="o", markersize=4, label="hybrid")
    axes.plot(
        [best], [curve.points[best]], "o", markersize=11, markerfacecolor="none", markeredgecolor=_CURVE,
        markeredgewidth=1.8, label=f"best: {curve.points[best]:.4f} at {best:g}",
    )  # fmt: skip
    axes.plot(
        [curve.used_weight], [curve.used], "D", color=_MARK, markersize=8,
        label=f"in use: {curve.used:.4f} at {curve.used_weight:g}",
    )  # fmt: skip
    axes.set_title(f"{curve.dataset}, {curve.queries:,} queries, {curve.model}")
    axes.set_xlabel("weight of the lexical leg (0: dense decides, 1: lexical decides)")
    axes.set_ylabel("nDCG@10")
    axes.set_xlim(-0.02, 1.02)
    axes.margins(y=0.08)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="best", frameon=False)
