"""What a detector does well and badly, as figures and as one HTML page.

`match_rows` and the analyses work by themselves::

    matches = match_rows(
        ground_truth, predictions, class_ids, protocol="ilsvrc", image_count=270
    )
    errors = find_errors(matches)
    error_counts(errors)["duplicate"], error_costs(matches, errors)["duplicate"]
"""

from detector.report.analysis.analysis import Analysis, analyse
from detector.report.analysis.by_size import SizeScore, score_by_size
from detector.report.analysis.confusion import Confusion, confusion_matrix
from detector.report.analysis.errors import Errors, error_costs, error_counts, find_errors
from detector.report.analysis.facts import ComparisonFacts
from detector.report.analysis.limits import LimitedScore, ranks_by_score, score_limited
from detector.report.analysis.matches import Matches, match_rows
from detector.report.analysis.operating_point import OperatingPoint, best_f1
from detector.report.analysis.proposal_reach import ProposalReach, reach_of_proposals
from detector.report.write import (
    ReportInput,
    analyse_report,
    write_comparison,
    write_report,
)

__all__ = [
    "Analysis",
    "ComparisonFacts",
    "Confusion",
    "Errors",
    "LimitedScore",
    "Matches",
    "OperatingPoint",
    "ProposalReach",
    "ReportInput",
    "SizeScore",
    "analyse",
    "analyse_report",
    "best_f1",
    "confusion_matrix",
    "error_costs",
    "error_counts",
    "find_errors",
    "match_rows",
    "ranks_by_score",
    "reach_of_proposals",
    "score_by_size",
    "score_limited",
    "write_comparison",
    "write_report",
]
