#!/usr/bin/env bash
# An environment of its own, so that nothing of the job's is changed, and nothing there takes the program's place.
set -euo pipefail
backend=$1
case $backend in
none) extras="" ;;
tensorflow | jax | torch) extras="[$backend]" ;;
*)
  echo "::error::\`keras\` is none of tensorflow, jax, torch and none: $backend"
  exit 1
  ;;
esac
place=${RUNNER_TEMP:?}/spec-compiler
python3 -m venv "$place"
"$place/bin/python" -m pip --quiet --disable-pip-version-check install ".$extras"
