"""A command in a process without rights: whatever a stranger's spec or model file brings about in it, it can do little.

The process cannot reach the network, start a program, or write anywhere but in one private folder; it reads the Python
installation, the spec's folder and the files that the command names; its memory and time are limited. The means are
Linux's: Landlock for files, seccomp for system calls, limits of resources.
"""

from spec_compiler.sandbox.parent import Grant, NoSandbox, missing_means, run

__all__ = ["Grant", "NoSandbox", "missing_means", "run"]
