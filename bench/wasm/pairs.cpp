// Pairs of new and delete at a call depth of 10, for bench/wasm-pairs.ts: built for WebAssembly and for this machine.
// Each level has two places from which it calls the next, so that none of them can be told by its function alone.
#include <cstdint>
#include <cstdlib>

#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(name)))
#else
#define EXPORT(name)
#endif

static volatile uint32_t sink;

template <int depth> __attribute__((noinline)) uint32_t down(uint32_t n) {
  uint32_t got = n % 1024 == depth ? down<depth - 1>(n + 1) : down<depth - 1>(n);
  return got + depth;
}

template <> __attribute__((noinline)) uint32_t down<0>(uint32_t n) {
  volatile char *block = new char[16 + n % 200];
  block[0] = static_cast<char>(n);
  uint32_t got = block[0];
  delete[] block;
  return got;
}

static char *queued[64];

// As `down`, but the block that goes is the oldest of 64.
template <int depth> __attribute__((noinline)) uint32_t downQueue(uint32_t n) {
  uint32_t got = n % 1024 == depth ? downQueue<depth - 1>(n + 1) : downQueue<depth - 1>(n);
  return got + depth;
}

template <> __attribute__((noinline)) uint32_t downQueue<0>(uint32_t n) {
  char *&place = queued[n % 64];
  delete[] place;
  place = new char[16 + n % 200];
  *static_cast<volatile char *>(place) = static_cast<char>(n);
  return n;
}

extern "C" {

EXPORT("pairs") void pairs(uint32_t count) {
  for (uint32_t i = 0; i < count; i++) sink = sink + down<9>(i);
}

EXPORT("queue") void queue(uint32_t count) {
  for (uint32_t i = 0; i < count; i++) sink = sink + downQueue<9>(i);
}

}

#ifndef __wasm__
#include <chrono>
#include <cstdio>

int main(int argc, char **argv) {
  uint32_t count = argc > 1 ? static_cast<uint32_t>(atol(argv[1])) : 1000000;
  pairs(1000);
  auto begin = std::chrono::steady_clock::now();
  pairs(count);
  std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  printf("%.2f\n", took.count() / count);
}
#endif
