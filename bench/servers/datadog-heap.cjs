// Preload for comparison: @datadog/pprof's heap profiler at the interval in BENCH_EVERY.
require('@datadog/pprof').heap.start(Number(process.env.BENCH_EVERY), 64);
