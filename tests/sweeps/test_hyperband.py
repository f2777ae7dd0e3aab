"""Hyperband stops exactly the runs that W&B's service stops."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from metasweep.sweeps import costs_of, is_poor, limits
from tests.sweeps.conftest import Oracle

SECTIONS = st.one_of(
    st.fixed_dictionaries({"min_iter": st.integers(1, 5)}, optional={"eta": st.sampled_from([1.5, 2, 3])}),
    st.fixed_dictionaries(
        {"max_iter": st.integers(4, 30), "s": st.integers(1, 4)}, optional={"eta": st.sampled_from([2, 3])}
    ),
)
HISTORIES = st.lists(
    st.lists(st.integers(-5, 5) | st.sampled_from([None, "NaN", True, 0.5]), max_size=12), max_size=9
)


@settings(max_examples=200)
@given(
    section=SECTIONS,
    strict=st.sampled_from([{}, {"strict": True}, {"strict": False}]),
    goal=st.sampled_from([{}, {"goal": "minimize"}, {"goal": "maximize"}]),
    histories=HISTORIES,
)
def test_the_runs_that_wandb_stops_are_stopped(
    oracle: Oracle,
    section: dict[str, Any],
    strict: dict[str, bool],
    goal: dict[str, str],
    histories: list[list[Any]],
) -> None:
    config = {
        "method": "random",
        "metric": {"name": "val/loss", **goal},
        "early_terminate": {"type": "hyperband", **section, **strict},
        "parameters": {"x": {"value": 1}},
    }
    costs = [costs_of(config, history) for history in histories]
    stopped = [number for number, own in enumerate(costs) if is_poor(config, own, limits(config, costs))]
    assert stopped == oracle("stopped", config, histories)
