"""A published trial, simulated, beside what was published: five lines."""

import hepatrial

run = hepatrial.run("lin2017", replicates=4, pairs=100, seed=11)
print(hepatrial.comparison_table(run))
print("Report:", run.path / "report.html")
