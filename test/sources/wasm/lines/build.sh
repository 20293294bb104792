#!/bin/sh
# Builds the modules beside it. Debian packages: clang lld.
set -e
cd "$(dirname "$0")"
for version in 4 5; do
  for level in 0 2; do
    clang++ --target=wasm32 -O$level -gdwarf-$version -fdebug-compilation-dir=/project -fdebug-prefix-map="$PWD"=/project \
      -nostdlib -fno-exceptions -Wl,--no-entry -o dwarf$version-O$level.wasm lines.cpp
  done
done
