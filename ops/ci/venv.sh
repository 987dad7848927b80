# shellcheck shell=bash
# Sourced, at the repository's root, by what needs the locked tools.
[ -x .venv/bin/python ] || { echo "${0##*/}: needs the tools of .venv. Run: make .venv/.dev" >&2; exit 2; }
