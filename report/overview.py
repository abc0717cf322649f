"""What the runs are, how complete they are, and what is odd about them."""

from __future__ import annotations

from typing import Any, Final

from dakota_wh.plot.naming import number, shown
from dakota_wh.report.asking import Asking, Note
from dakota_wh.report.section import Card, Section

_FACTS: Final = {
    "role": "role",
    "name": "name",
    "state": "state",
    "steps": "steps stored",
    "last_step": "last step",
    "duration": "duration (s)",
    "partner_run_id": "partner",
    "reward_metric": "reward is",
    "reward_first_half": "reward, mean of the first half",
    "reward_second_half": "reward, mean of the second half",
    "reward_last": "reward, mean of its last values",
    "reward_max": "reward, greatest",
    "reward_max_step": "reward, greatest at step",
    "loss_last": "loss, mean of its last values",
    "entropy_last": "entropy, mean of its last values",
    "kl_last": "KL, mean of its last values",
    "response_length_last": "response length, mean of its last values",
    "step_time_median": "step time, median (s)",
    "metrics": "metrics",
    "dead_metrics": "metrics that are always 0",
    "nonfinite": "values that are NaN or infinite",
}
_CERTIFICATE: Final = {
    "completeness": "verdict",
    "evidence": "evidence",
    "rows": "log rows stored",
    "expected_rows": "log rows that there should be",
    "steps": "steps stored",
    "first_step": "first step",
    "last_step": "last step",
    "gaps": "steps missing between",
    "duplicate_steps": "steps logged more than once",
    "unstepped_rows": "log rows without a step",
    "lost_records": "records that could not be read",
    "sampled": "sampled by the source",
    "source": "kind of source",
    "source_name": "source",
    "warnings": "warnings at ingest",
    "lossy": "not kept exactly by the source",
}


#: What these facts are means of is beside them.
_LAST: Final = ("reward_last", "loss_last", "entropy_last", "kl_last", "response_length_last")


def overview(asking: Asking) -> Section:
    """Return the section of what a person wants to know first."""
    rows = asking.rows("overview")
    notes = ["Last values are the last tenth of them, at least 1 and at most 100."]
    beside = {fact: _counted(fact) for fact in _LAST}
    table = asking.facts("overview", "The runs", _FACTS, notes, beside=beside)
    return Section("overview", "Overview", cards=_cards(asking, rows), blocks=[table])


def _cards(asking: Asking, rows: list[dict[str, Any]]) -> list[Card]:
    trends = {(row["run_id"], row["metric"]): row for row in asking.rows("reward_trends")}
    cards = []
    for row in rows:
        trend = trends.get((row["run_id"], row["reward_metric"]))
        if trend is None:
            continue
        change = trend["improvement_pct"]
        signed = "undefined" if change is None else f"{change:+.3g} %".replace("-", "−")
        cards += [
            Card(
                f"{shown(row['run_id'], 24)}: {shown(trend['metric'], 40)}",
                f"{number(trend['first_half_mean'])} → {number(trend['second_half_mean'])}",
                f"{signed}, mean of the first half to that of the second",
            ),
            Card(
                f"{shown(row['run_id'], 24)}: verdict",
                trend["verdict"],
                f"support: {trend['support']}; {_interval(trend)}",
            ),
            Card(
                f"{shown(row['run_id'], 24)}: last quarter",
                trend["tail_state"],
                f"mean of its first half: {number(trend['tail_first_mean'])}; "
                f"of its second: {number(trend['tail_second_mean'])}",
            ),
        ]
    cards += [
        Card(
            f"{shown(row['run_id'], 24)}: {what}",
            number(row[column]),
            f"mean {_counted(column)(row)}",
        )
        for row in rows
        for column, what in (("loss_last", "loss"), ("entropy_last", "entropy"), ("kl_last", "KL"))
        if row[column] is not None
    ]
    return cards if len(cards) <= 12 else []


def _counted(fact: str) -> Note:
    def words(row: dict[str, Any]) -> str:
        count = row[f"{fact}_samples"]
        return f"of the last {count:,} values" if count != 1 else "of the last value"

    return words


def _interval(trend: dict[str, Any]) -> str:
    low, high = trend["half_difference_low"], trend["half_difference_high"]
    if low is None or high is None:
        return "its interval is undefined"
    return f"difference of the halves {number(low)} to {number(high)} (95 %)"


def certificate(asking: Asking) -> Section:
    """Return the section of how complete each run is."""
    table = asking.facts("certificate", "Certificates of the runs", _CERTIFICATE)
    words = ["Every number below rests on these rows, and on no others."]
    return Section("certificate", "Is the data all there?", words, blocks=[table])


def doubts(asking: Asking) -> dict[str, str]:
    """Return what must be read before anything else: by run, why it is not proved complete."""
    return {
        row["run_id"]: (
            f"{shown(row['run_id'])} is {row['completeness']}: {shown(row['evidence'] or '', 300)}"
        )
        for row in asking.rows("certificate")
        if row["completeness"] != "complete"
    }


def findings(asking: Asking) -> Section:
    """Return the section of what `dakota-wh check` finds."""
    found = [f for f in asking.reading.check(*asking.runs) if f.run_id in asking.runs]
    words = ["Facts with their numbers, and no verdict on the research."]
    if not found:
        words = ["Nothing found."]
    return Section("findings", "What is odd", words, findings=found)
