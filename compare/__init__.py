"""Two trainings side by side, or groups of seeds: differences with their intervals.

The way through: words name subjects (:mod:`subjects`, :mod:`grouping`), the warehouse gives their
metrics (:mod:`quantities`, :mod:`curves`), curves are laid over each other (:mod:`alignment`), and
:mod:`of_runs` or :mod:`of_groups` says how they differ. :mod:`comparing` calls them in that order.
"""
