"""The samples as curves: one panel a series, one file a soak."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.soak.judgement import JUDGED, WARM_UP_RATIO
from tests.soak.samples import Sample


def draw(samples: Sequence[Sample], title: str, path: Path) -> None:
    """Write the figure; the warm-up is shaded.

    Args:
        samples: Oldest first.
        title: Above all panels.
        path: Ends in .svg or .png.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    names = [*JUDGED, "events"]
    figure, axes = plt.subplots(4, 3, figsize=(14, 11), sharex=True)
    minutes = [sample.at_s / 60 for sample in samples]
    warm = minutes[round(len(samples) * WARM_UP_RATIO)]
    for axis, name in zip(axes.flat, [*names, "done"], strict=False):
        values = [getattr(sample, name) for sample in samples]
        axis.plot(minutes, values, linewidth=1)
        axis.axvspan(minutes[0], warm, color="0.92")
        axis.set_title(name, fontsize=10)
        axis.set_ylim(0, 1.15 * max(values) or 1)
    for axis in list(axes.flat)[len(names) + 1 :]:
        axis.set_visible(False)
    for axis in axes[-1]:
        axis.set_xlabel("minutes")
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    plt.close(figure)
