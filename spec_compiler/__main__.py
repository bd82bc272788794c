"""`python -m spec_compiler`."""

import os
import sys

if sys.path and sys.path[0] in ("", os.getcwd()):
    del sys.path[0]  # `-m` puts the current folder first: what lies there is no part of the program

from spec_compiler.cli import main

if __name__ == "__main__":
    main()
