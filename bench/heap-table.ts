/**
 * `heap.alloc` + `heap.free` at sampling 0 against `Map.set` + `Map.delete` with the same keys, with 1,000 and with
 * 1,000,000 live blocks; the memory of a live block; the longest pause while a table grows; and a report with 1,000,000 live blocks.
 *
 *     node --expose-gc --import tsx bench/heap-table.ts
 *
 * Both do the same work in short turns in one process, so that what disturbs one disturbs the other, and the sums are
 * compared (Map's rare rebuilding is a part of its cost). Keys are addresses as a bump allocator gives them, all
 * different; the block freed is the oldest ("oldest") or any ("any").
 */
import { ReplayEngine } from '../src/heap/replay-memory.js';
import { replayProgram } from '../src/heap/replay-program.js';
import { HeapTracer } from '../src/heap/tracer.js';
import { ManualSource } from '../src/sources/manual.js';

const ROUNDS = 400;
const PAIRS = 10_000;

interface Schedule {
  readonly first: Uint32Array;
  readonly allocated: Uint32Array;
  readonly freed: Uint32Array;
}

function newHeap(): HeapTracer {
  const events = {
    recording: true,
    nowUs: () => performance.now() * 1000,
    instant: () => {},
    counter: () => {},
    annex: () => {},
  };
  const heap = new HeapTracer(events, {
    manual: (host) => new ManualSource(host),
    replay: new ReplayEngine(WebAssembly, replayProgram),
  });
  heap.enable();
  return heap;
}

/** Blocks of 16 to 144 bytes, one after the other; no address is used twice. */
function scheduleOf(live: number, pairs: number, victim: 'oldest' | 'any'): Schedule {
  let random = 1;
  const next = (): number => {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) | 0;
    return random >>> 0;
  };
  const addresses = new Uint32Array(live + pairs);
  let address = 0x1000;
  for (let i = 0; i < addresses.length; i++) {
    addresses[i] = address;
    address += 16 + 16 * ((next() >>> 8) % 9);
  }
  const alive = addresses.slice(0, live);
  const allocated = addresses.slice(live);
  const freed = allocated.map((key, i) => {
    const at = victim === 'oldest' ? i % live : next() % live;
    const gone = alive[at]!;
    alive[at] = key;
    return gone;
  });
  return { first: addresses.slice(0, live), allocated, freed };
}

function timeNs(pairs: number, work: () => void): number {
  const startMs = performance.now();
  work();
  return ((performance.now() - startMs) * 1e6) / pairs;
}

function comparePairs(live: number, victim: 'oldest' | 'any'): void {
  const { first, allocated, freed } = scheduleOf(live, ROUNDS * PAIRS, victim);
  const heap = newHeap();
  const map = new Map<number, number>();
  for (const key of first) {
    heap.alloc(key, 64);
    map.set(key, 64);
  }
  let ours = 0;
  let theirs = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const from = round * PAIRS;
    const to = from + PAIRS;
    const ourNs = timeNs(PAIRS, () => {
      for (let i = from; i < to; i++) {
        heap.alloc(allocated[i]!, 64);
        heap.free(freed[i]!);
      }
    });
    const theirNs = timeNs(PAIRS, () => {
      for (let i = from; i < to; i++) {
        map.set(allocated[i]!, 64);
        map.delete(freed[i]!);
      }
    });
    if (round < ROUNDS / 10) continue; // not compiled yet
    ours += ourNs / (0.9 * ROUNDS);
    theirs += theirNs / (0.9 * ROUNDS);
  }
  const [manual] = heap.snapshot().sources;
  if (manual!.liveBlocks !== live || map.size !== live) throw new Error('the two did different work');
  const ratio = (ours / theirs).toFixed(2);
  console.log(
    `${live} live, free ${victim}: heap ${ours.toFixed(0)} ns, Map ${theirs.toFixed(0)} ns a pair, ratio ${ratio}`,
  );
}

/** @param resident in all: the memory of a large table is WebAssembly's, which no other figure has */
function usedBytes(resident = false): number {
  globalThis.gc!();
  globalThis.gc!();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  return resident ? rss : heapUsed + arrayBuffers;
}

function measureMemory(live: number): void {
  const copies = Math.max(1, 100_000 / live); // many small ones, so that noise is small against them
  const heaps = Array.from({ length: copies }, newHeap);
  const empty = usedBytes(copies === 1);
  for (const heap of heaps) for (let i = 0; i < live; i++) heap.alloc(0x1000 + i * 64, 64);
  const bytes = (usedBytes(copies === 1) - empty) / (copies * live);
  console.log(`${live} live: ${bytes.toFixed(1)} bytes of memory a block`);
  if (heaps.length !== copies) throw new Error('unreachable, keeps the heaps alive');
}

/** The longest of all the calls, in the best of some rounds: the machine interrupts, too. */
function measurePause(live: number): void {
  let ours = Number.POSITIVE_INFINITY;
  let theirs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const heap = newHeap();
    ours = Math.min(
      ours,
      longestMs(live, (key) => heap.alloc(key, 64)),
    );
    const map = new Map<number, number>();
    theirs = Math.min(
      theirs,
      longestMs(live, (key) => map.set(key, 64)),
    );
  }
  console.log(`growing to ${live}: longest call ${ours.toFixed(2)} ms, Map ${theirs.toFixed(2)} ms`);
}

function longestMs(calls: number, call: (key: number) => void): number {
  let longest = 0;
  let before = performance.now();
  for (let i = 0; i < calls; i++) {
    call(0x1000 + i * 64);
    const now = performance.now();
    longest = Math.max(longest, now - before);
    before = now;
  }
  return longest;
}

function measureReport(live: number): void {
  const heap = newHeap();
  for (let i = 0; i < live; i++) heap.alloc(0x1000 + i * 64, 64);
  heap.report();
  const before = usedBytes();
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++)
    best = Math.min(
      best,
      timeNs(1e6, () => heap.report()),
    );
  const grown = usedBytes() - before;
  console.log(`report with ${live} live: ${best.toFixed(1)} ms, heap ${grown} bytes larger after five`);
}

for (const live of [1_000, 1_000_000]) {
  comparePairs(live, 'oldest');
  comparePairs(live, 'any');
}
for (const live of [1_000, 1_000_000]) measureMemory(live);
measurePause(1_000_000);
measureReport(1_000_000);
