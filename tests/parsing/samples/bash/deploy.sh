#!/usr/bin/env bash
# Deploys the service.

set -euo pipefail

readonly TARGET="prod"
export REGION=eu
count=0

# Prints to stderr.
log() {
  echo "$*" >&2
}

function build {
  log building
  make -j4 all
}

function push_image() {
  docker push "$1"
}

if [[ "${1:-}" == "--help" ]]; then
  usage() { echo help; }
  usage
fi

build
push_image "$TARGET"
