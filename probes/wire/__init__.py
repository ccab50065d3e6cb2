"""Bytes to values and back: no sockets, no clock, no randomness (times and nonces are handed in)."""
