"""Pictures of a search, drawn by Optuna: accuracy by trial, which settings mattered, accuracy by setting."""

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import optuna.visualization.matplotlib as pictures
from matplotlib.ticker import NullFormatter
from optuna import Study
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState

from fer_zoo.utils.files import write_atomically


def draw_study(study: Study, folder: Path) -> None:
    """Write history.png, slices.png and, from two finished trials on that differ, importance.png."""
    label = "PublicTest accuracy"
    _draw(lambda: pictures.plot_optimization_history(study, target_name=label), folder / "history.png")
    _draw(lambda: _part_labels(pictures.plot_slice(study, target_name=label)), folder / "slices.png")
    values = {trial.value for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))}
    if len(values) > 1:
        _draw(lambda: pictures.plot_param_importances(study, target_name=label), folder / "importance.png")


def _part_labels(axes: Any) -> Any:
    """The panels stand so close that long labels would run into the next one."""
    for panel in np.ravel(axes):
        panel.tick_params("x", rotation=35)
        panel.xaxis.set_minor_formatter(NullFormatter())  # of a logarithmic axis under a decade
    return axes


def _draw(plot: Callable[[], Any], path: Path) -> None:
    plt.switch_backend("agg")  # Optuna draws by pyplot, whose own choice may open windows
    with plt.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        warnings.filterwarnings("ignore", "Attempting to set identical")  # a setting tried at one value
        axes = plot()
        figure = getattr(axes, "figure", None) or axes.ravel()[0].figure
        # the layout engines stumble over Optuna's color bar; a tight box needs none
        save = partial(figure.savefig, dpi=125, format="png", bbox_inches="tight")
        write_atomically(path, save)
        plt.close(figure)
