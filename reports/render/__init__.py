"""Composed papers become files."""
