"""Fuzzers: input broken at a known place, by the thousand, each case from a seed, so that it can be made again."""
