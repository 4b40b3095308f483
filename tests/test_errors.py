"""Bad input as data survives the way between processes."""

import pickle

from hepatrial.errors import BadInput, Problem


def test_bad_input_comes_whole_out_of_a_worker_process():
    problems = (Problem("arms.msc.dose", "-1", "at least 0"), Problem("--seed", "x", "a whole number", "1"))
    back = pickle.loads(pickle.dumps(BadInput(problems)))
    assert back.problems == problems
    assert str(back) == str(BadInput(problems))
