"""What a spec depends on, kept in a lock, and what differs from it: files by their bytes, versions, the planned result.

`gathered` finds the files, `result` says what is planned, `lock_file` keeps both, `differences` compares, `held` is
what the compiler asks. A `plan_file` has a lock inside, and so has the provenance of a model. Nothing here needs Keras.
"""

from spec_compiler.locking.held import Held, Locked, held
from spec_compiler.locking.lock_file import Lock, lock_name, lock_of, read_lock

__all__ = ["Held", "Lock", "Locked", "held", "lock_name", "lock_of", "read_lock"]
