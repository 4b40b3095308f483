"""Events at fixed times in ensembles of a stranger's model, against the general engine."""

import numpy as np
import polars as pl
import pytest

from hepatrial import load_model, run_ensemble, simulate_model
from hepatrial.errors import BadInput
from hepatrial.model.schedule import with_fixed_times

DOSED = """
model dosed()
  compartment c = 2; species D in c, E in c; D = 1; E = 0; k = 0.3;
  J: D -> E; k*D*c;
  at (time >= 1): D = D + 2;
  at (time > 2.5), t0 = false: E = 0, c = 4;
  at (3 <= time): k = 2*k;
  at (time >= 0): D = 100;
  at (time > 0): E = E + 5;
end
"""


def spec_of(tmp_path, text):
    file = tmp_path / "model.ant"
    file.write_text(text)
    return load_model(file)


def test_an_ensemble_with_events_at_fixed_times_is_what_the_general_engine_gives(tmp_path):
    spec = spec_of(
        tmp_path, DOSED.replace("species D", "var species D").replace("compartment c", "var compartment c")
    )
    table = pl.DataFrame({"D_amount": [2.0, 3.0, 5.0]})
    days = [0.5, 1.5, 2.0, 2.75, 4.0]
    found = run_ensemble(
        spec, table, visits=days, end=5.0, out=tmp_path / "out", rtol=1e-9, precision="float64", threads=1,
        outputs=("D", "E", "c"),
    )  # fmt: skip
    values = pl.read_parquet(tmp_path / "out" / "shards" / "*.visit.parquet").sort("patient", "day")
    assert found is not None
    for patient, start in enumerate((2.0, 3.0, 5.0), 1):
        text = DOSED.replace("D = 1;", f"D = {start / 2};")
        exact = simulate_model(spec_of(tmp_path, text), days, outputs=("D", "E", "c")).values[0]
        mine = values.filter(pl.col("patient") == patient).select("D", "E", "c").to_numpy()
        np.testing.assert_allclose(mine, exact, rtol=1e-6)


def test_events_become_actions_in_order_of_time_and_what_cannot_strike_is_left_out(tmp_path):
    spec, regimen = with_fixed_times(spec_of(tmp_path, DOSED))
    assert [time for time, _, _ in regimen] == [0.0, 1.0, 2.5, 3.0]
    assert [action for _, action, _ in regimen] == [0, 1, 2, 3]
    assert spec.triggers == ()
    assert len(spec.actions) == 4


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("at (D > 3): D = 1;", "the trigger D > 3"),
        ("at (time >= k): D = 1;", "the trigger time >= k"),
        ("at (time >= 1): D = 7;", "both at 1"),
    ],
)
def test_other_events_and_events_that_clash_are_refused_by_name(tmp_path, event, said):
    text = DOSED.replace("at (time >= 1): D = D + 2;", f"at (time >= 1): D = D + 2; {event}")
    with pytest.raises(BadInput, match="--outputs") as refused:
        run_ensemble(spec_of(tmp_path, text), patients=2, end=2, out=tmp_path / "out", outputs=("nothing",))
    assert said in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_model_without_events_is_left_alone(tmp_path):
    spec = spec_of(tmp_path, "model m()\n x = 1; x' = -x\nend")
    assert with_fixed_times(spec) == (spec, ())
