/**
 * Estimates of the `js` source against truth: functions that each keep objects of one size, 16 bytes to 1 MiB, as many
 * as make a known number of bytes; what the source says they hold; and how far off it says it may be.
 *
 *     node --expose-gc --no-turbo-allocation-folding --import tsx bench/js-accuracy.ts [interval [trials]]
 *
 * The truth is counted: objects times the size of one, which is measured on the heap before anything is sampled. The
 * theory for `n` objects of size `s` at interval `R` is that each is seen with p = 1 - e^(-s / R), so the estimate
 * has no bias and a standard error of s * sqrt(n * (1 - p) / p). Printed for each size, over all trials:
 *
 *     bias          mean error in percent of the truth, and its own standard error
 *     rms / theory  1 when errors are as large as sampling makes them
 *     said / theory 1 when `errorBytes` tells them right
 *     within 2      share of trials within two of the said errors: 95 % where there are many samples
 */
import { getHeapStatistics } from 'node:v8';
import { V8Source } from '../src/sources/v8/v8-source.js';

const everyBytes = Number(process.argv[2] ?? 32 * 1024);
const trials = Number(process.argv[3] ?? 100);
/** Live bytes of a site, so that its expected number of samples is the same at every interval. */
const siteBytes = 128 * everyBytes;

interface Site {
  readonly name: string;
  /** Keeps so many new objects. */
  readonly keep: (kept: unknown[], count: number) => void;
  readonly objectBytes: number;
  readonly count: number;
  readonly errors: number[];
  readonly said: number[];
}

/** Expressions that make one object (an array of doubles is two: the larger is what counts) from the loop's `i`. */
const MAKERS: readonly [wantedBytes: number, expression: string][] = [
  [16, 'i + 0.5'],
  [32, '[]'],
  [64, '{ a: i, b: i, c: i, d: i, e: i }'],
  ...[256, 1024, 4096, 16_384, 32_768, 49_152, 65_536, 262_144, 1_048_576].map((bytes): [number, string] => [
    bytes,
    `doubles(${(bytes - 48) / 8})`,
  ]),
];

function gc(): void {
  globalThis.gc!();
  globalThis.gc!();
}

/** `doubles` is inside the site, so that the site is who allocates. */
function siteOf(wantedBytes: number, expression: string): Site {
  const name = `keep${wantedBytes}`;
  const body = expression.startsWith('doubles')
    ? `const array = new Array(${expression.slice(8, -1)}).fill(0.5); kept[i] = array;`
    : `kept[i] = ${expression};`;
  const keep = new Function(
    `return function ${name}(kept, count) { for (let i = 0; i < count; i++) { ${body} } }`,
  )();
  const probes = Math.max(8, Math.min(20_000, Math.ceil(8e6 / wantedBytes)));
  // The first time makes the code, its feedback and the objects' maps.
  keep(new Array(64).fill(null), 64);
  const kept: unknown[] = new Array(probes).fill(null);
  gc();
  const before = getHeapStatistics().used_heap_size;
  keep(kept, probes);
  gc();
  const objectBytes = Math.round((getHeapStatistics().used_heap_size - before) / probes / 8) * 8;
  if (kept.length !== probes) throw new Error('unreachable, keeps the objects alive');
  const count = Math.max(8, Math.round(siteBytes / objectBytes));
  return { name, keep, objectBytes, count, errors: [], said: [] };
}

function trial(sites: readonly Site[]): void {
  const kept = sites.map(({ count }) => new Array(count).fill(null));
  gc();
  const source = new V8Source({
    everyBytes,
    isOwnFrame: () => false,
    mapFrame: (frame) => frame,
    displayPath: (script) => script,
    warn: (message) => {
      throw new Error(message);
    },
  });
  source.arm();
  for (const [i, site] of sites.entries()) site.keep(kept[i]!, site.count);
  const found = source.snapshot().sites;
  source.disarm();
  for (const site of sites) {
    const rows = found.filter(({ frames }) => frames[0]?.name === site.name);
    const bytes = rows.reduce((sum, row) => sum + row.liveBytes, 0);
    site.errors.push(bytes - site.count * site.objectBytes);
    site.said.push(Math.hypot(...rows.map((row) => row.errorBytes ?? 0)));
  }
  if (kept.length !== sites.length) throw new Error('unreachable, keeps the objects alive');
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const rms = (values: readonly number[]): number => Math.sqrt(mean(values.map((value) => value ** 2)));

const sites = MAKERS.map(([bytes, expression]) => siteOf(bytes, expression));
for (let i = 0; i < trials; i++) trial(sites);

console.log(`interval ${everyBytes}, ${trials} trials, Node ${process.versions.node}`);
console.log('    size   blocks      bias, %      rms / theory  said / theory  within 2');
let worst = 0;
for (const { objectBytes: size, count, errors, said } of sites) {
  const seen = 1 - Math.exp(-size / everyBytes);
  const theory = size * Math.sqrt((count * (1 - seen)) / seen);
  const percent = 100 / (count * size);
  const bias = mean(errors) * percent;
  const ofBias = (rms(errors) * percent) / Math.sqrt(trials);
  worst = Math.max(worst, Math.abs(bias) - 2 * ofBias);
  const within = errors.filter((error, i) => Math.abs(error) <= 2 * said[i]! + size / 2).length / trials;
  const ratio = (value: number): string =>
    (theory < size / 100 ? '-' : (value / theory).toFixed(2)).padStart(6);
  console.log(
    `${String(size).padStart(8)} ${String(count).padStart(8)}  ${bias.toFixed(2).padStart(6)} +- ${ofBias.toFixed(2)}` +
      `        ${ratio(rms(errors))}         ${ratio(mean(said))}      ${(100 * within).toFixed(0).padStart(3)} %`,
  );
}
console.log(`bias beyond its own uncertainty: ${worst.toFixed(2)} % at most; wanted: below 2`);
