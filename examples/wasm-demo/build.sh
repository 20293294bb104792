#!/bin/sh
# Builds demo.wasm. Debian packages: clang lld wasi-libc libc++-14-dev-wasm32 libc++abi-14-dev-wasm32.
set -e
cd "$(dirname "$0")"
clang++ --target=wasm32-wasi -O2 -fno-exceptions -nodefaultlibs -mexec-model=reactor \
  -Wl,--strip-debug -o demo.wasm demo.cpp -lc++ -lc++abi -lc
