"""The only SQL: one writer thread, many readers."""
