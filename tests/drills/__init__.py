"""Drills: commands that are killed, that meet full disks and read-only folders, and that run at the same time.

`python -m tests.drills` runs them (`make drills`). What must hold: no half file, nothing left over after the next run,
a run that is continued ends with the same bits as one that was never interrupted.
"""
