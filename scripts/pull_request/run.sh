#!/usr/bin/env bash
# A step, in the environment that install.sh has made; `-P` keeps modules of the current folder out of Python's way.
set -euo pipefail
PATH=${RUNNER_TEMP:?}/spec-compiler/bin:$PATH
export PATH PYTHONPATH="$PWD" PYTHONSAFEPATH=1
exec python -m scripts.pull_request "$1"
