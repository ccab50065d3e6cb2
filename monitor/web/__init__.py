"""The page of the duty officer."""
