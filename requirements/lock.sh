#!/bin/sh
# Write the lock files of requirements/ from pyproject.toml: exact versions with hashes, for Python 3.11 and newer
# on Linux and macOS, one version of a package for all of them. `make lock` calls it; UV names the uv to use.
set -eu
cd "$(dirname "$0")/.."

compile() {
    name=$1
    shift
    "${UV:-uv}" pip compile pyproject.toml --no-config --quiet --generate-hashes --universal --python-version 3.11 \
        --fork-strategy fewest --no-emit-index-url --no-emit-find-links --no-annotate \
        --custom-compile-command "make lock" --output-file "requirements/$name.txt" "$@"
}

if [ "${1:-}" = upgrade ]; then
    rm -f requirements/run.txt requirements/dev.txt requirements/docs.txt requirements/lowest.txt
fi
compile run --group build
compile dev --all-extras --group dev --constraint requirements/run.txt
compile docs --group docs --constraint requirements/run.txt
compile lowest --group test --resolution lowest-direct
