// Holds 4 MB in `holdArrays`, under an armed source; prints the warnings, the snapshot and the lane as JSON.
import { V8Source } from '../../../../src/sources/v8/v8-source.js';

const warnings: string[] = [];
const source = new V8Source({
  everyBytes: 4096,
  stackDepth: Number(process.env['DEPTH'] ?? 8),
  isOwnFrame: () => false,
  mapFrame: (frame) => frame,
  displayPath: (script) => script.slice(script.lastIndexOf('/') + 1),
  warn: (message) => warnings.push(message),
});
source.arm();

const kept: number[][] = [];
function holdArrays(depth: number): void {
  if (depth > 0) {
    holdArrays(depth - 1);
    return;
  }
  for (let i = 0; i < 500; i++) kept.push(new Array<number>(1000).fill(i + 0.5));
}
holdArrays(Number(process.env['RECURSION'] ?? 0));

globalThis.gc?.();
// The entry of the collection arrives in a later turn.
setTimeout(() => {
  const lane = source.liveBytes();
  const { sites, ...snapshot } = source.snapshot();
  const top = sites.toSorted((a, b) => b.liveBytes - a.liveBytes).slice(0, 3);
  console.log(JSON.stringify({ warnings, lane, snapshot, top, kept: kept.length }));
}, 50);
