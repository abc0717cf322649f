"""The guide's way to a run's reward trends: pandas over the exported CSV.

    python -m benchmarks.others.guide_pandas HISTORY.csv

Prints metric, samples and the two halves' means as CSV; the rules are the guide's.
"""

import sys

import pandas as pd

history = pd.read_csv(sys.argv[1])
rewards = [name for name in history.columns if "reward" in name.lower() or "score" in name.lower()]
print("metric,samples,first_half_mean,second_half_mean,improvement")
for name in rewards:
    values = history[name].dropna()
    if len(values) > 10:
        middle = len(values) // 2
        first, second = values.iloc[:middle].mean(), values.iloc[middle:].mean()
        print(f"{name},{len(values)},{float(first)!r},{float(second)!r},{float(second - first)!r}")
