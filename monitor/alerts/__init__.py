"""Alerts to people: what is to be told, in which words, by which channel, and whether it arrived."""
