"""Watch: keep the fleet, run the rounds, judge, record, show."""
