"""What will go wrong if nobody looks: one finding a line, each with what to do."""

from monitor.doctor.examine import FILES_NEEDED, examine
from monitor.doctor.finding import Finding, Level
from monitor.doctor.network import Answer, Door, Passage, Reached, doors_of, passages_of, reach

__all__ = [
    "FILES_NEEDED",
    "Answer",
    "Door",
    "Finding",
    "Level",
    "Passage",
    "Reached",
    "doors_of",
    "examine",
    "passages_of",
    "reach",
]
