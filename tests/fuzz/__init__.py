"""Fuzzers: broken input by the thousand, each case from a seed, so that any of them can be made again."""
