#!/bin/sh
# Write the lock files of requirements/ from pyproject.toml: exact versions with hashes, for Python 3.11 and newer on
# Linux (x86-64) and macOS 14 (arm64), one version of a package for all of them. antimony has builds for no other.
# `make lock` calls it; UV names the uv to use.
set -eu
export MACOSX_DEPLOYMENT_TARGET=14.0
cd "$(dirname "$0")/.."

compile() {
    name=$1
    shift
    "${UV:-uv}" pip compile pyproject.toml --no-config --quiet --generate-hashes --universal --python-version 3.11 \
        --constraint requirements/constraints.in --fork-strategy fewest --no-emit-index-url --no-emit-find-links --no-annotate \
        --custom-compile-command "make lock" --output-file "requirements/$name.txt" "$@"
}

# Every locked version has a build for every Python and system that is promised.
install_everywhere() {
    for python in 3.11 3.12 3.13; do
        for platform in x86_64-manylinux_2_28 aarch64-apple-darwin; do
            "${UV:-uv}" pip install --no-config --quiet --dry-run --only-binary :all: --require-hashes \
                --target build/nowhere --python-version $python --python-platform $platform \
                --requirement "requirements/$1.txt" || {
                echo "$1.txt cannot be installed on $platform with Python $python" >&2
                exit 1
            }
        done
    done
}

if [ "${1:-}" = upgrade ]; then
    rm -f requirements/run.txt requirements/dev.txt requirements/docs.txt requirements/lowest.txt
fi
compile run --group build
compile dev --all-extras --group dev --constraint requirements/run.txt
compile docs --group docs --constraint requirements/run.txt
compile bench --group bench --constraint requirements/run.txt
compile numbalsoda --group numbalsoda --constraint requirements/bench.txt
compile lowest --group test --resolution lowest-direct
for name in run dev docs; do
    install_everywhere $name
done
