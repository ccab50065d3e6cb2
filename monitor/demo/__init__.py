"""``xunjian demo``: a simulated county, the daemon on it, six stories, and the scorecard against the truth."""

from monitor.demo.scorecard import Scorecard
from monitor.demo.show import demonstrate

__all__ = ["Scorecard", "demonstrate"]
