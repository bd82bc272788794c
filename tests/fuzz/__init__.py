"""Fuzzers: inputs broken at a known place, by the thousand, each to be refused there and never with a traceback."""
