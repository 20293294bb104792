#!/bin/sh
# Builds wide.wasm. Debian packages: clang lld.
set -e
cd "$(dirname "$0")"
clang --target=wasm64 -O2 -gdwarf-5 -fno-builtin -fdebug-compilation-dir=/project -nostdlib \
  -Wl,--no-entry,-mwasm64 -o wide.wasm wide.c
