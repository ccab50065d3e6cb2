"""Cameras that are not there: scripted peers on loopback for tests, the demo and the benchmarks."""
