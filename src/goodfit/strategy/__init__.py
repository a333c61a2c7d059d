"""The search's decisions: proposing, narrowing, extending, selecting under noise. Pure; never sees a Task."""

from goodfit.strategy.borders import BorderReading, read_borders
from goodfit.strategy.choosing import Candidate, Winner, basin_width, choose_among_repeats
from goodfit.strategy.coarse_to_fine import CoarseToFine, Round
from goodfit.strategy.extending import Extended, extend_borders
from goodfit.strategy.good_set import good_set
from goodfit.strategy.grids import (
    GridPrice,
    RandomAgainstGrid,
    best_so_far,
    findings_of_grid,
    grid_levels,
    grid_price,
    random_against_grid,
)
from goodfit.strategy.importance import Importance, importances
from goodfit.strategy.narrowing import NextBox, next_box
from goodfit.strategy.next_space import NextSpace, next_space
from goodfit.strategy.noise import (
    Adoption,
    Noise,
    TuningCurve,
    accuracy_standard_error,
    adopt,
    best_of_k,
    estimate_sigma,
    expected_maximum,
    shrunk_best,
    sigma_from_fit,
    sigma_from_repeats,
    smallest_difference,
    spread_is_noise,
)
from goodfit.strategy.observation import Observation
from goodfit.strategy.proposers import Grid, Proposer, Random, propose_in_boxes
from goodfit.strategy.registry import PROPOSERS, make_proposer
from goodfit.strategy.sequences import Halton, Sobol
from goodfit.strategy.trials import findings_of_trials

__all__ = [
    "PROPOSERS",
    "Adoption",
    "BorderReading",
    "Candidate",
    "CoarseToFine",
    "Extended",
    "Grid",
    "GridPrice",
    "Halton",
    "Importance",
    "NextBox",
    "NextSpace",
    "Noise",
    "Observation",
    "Proposer",
    "Random",
    "RandomAgainstGrid",
    "Round",
    "Sobol",
    "TuningCurve",
    "Winner",
    "accuracy_standard_error",
    "adopt",
    "basin_width",
    "best_of_k",
    "best_so_far",
    "choose_among_repeats",
    "estimate_sigma",
    "expected_maximum",
    "extend_borders",
    "findings_of_grid",
    "findings_of_trials",
    "good_set",
    "grid_levels",
    "grid_price",
    "importances",
    "make_proposer",
    "next_box",
    "next_space",
    "propose_in_boxes",
    "random_against_grid",
    "read_borders",
    "shrunk_best",
    "sigma_from_fit",
    "sigma_from_repeats",
    "smallest_difference",
    "spread_is_noise",
]
