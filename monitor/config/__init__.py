"""The county's settings: config.toml, read strictly, never changed afterwards."""

from monitor.config.complaints import Complaint, ConfigError
from monitor.config.load import Difference, differences, files_named, load, parse
from monitor.config.tables import Config, townships_of

__all__ = [
    "Complaint",
    "Config",
    "ConfigError",
    "Difference",
    "differences",
    "files_named",
    "load",
    "parse",
    "townships_of",
]
