/**
 * Which heap (`js`, `wasm`, `buffers`, `manual`) a row of a report is about. Rows do not say; it follows from what
 * else the file says where only one heap is possible, and is left open otherwise:
 *
 *   - an estimate comes from V8's sampler, so from `js`; in a report with estimates nothing exact is from `js`;
 *   - a stack whose innermost frame ends in an offset (`malloc (app.wasm:0x1f4)`) is from `wasm`;
 *   - a live group is no larger than the heap it lives in.
 */
import type { HeapRow } from './heap-rows.js';

/**
 * @param liveBytes of each source with a lane, at the time of the report; `total` in it is not a source
 * @param rows of one table of one report
 * @param areLive false for totals of the run, which may exceed what is live
 * @returns for each row the name of its source, or null
 */
export function rowSources(
  rows: readonly HeapRow[],
  liveBytes: Readonly<Record<string, number>>,
  areLive: boolean,
): (string | null)[] {
  const sources = Object.keys(liveBytes).filter((series) => series !== 'total');
  const anyEstimated = rows.some((row) => row.estimated);
  return rows.map((row) => {
    if (row.estimated) return sources.includes('js') ? 'js' : null;
    if (sources.includes('wasm') && isWasm(row)) return 'wasm';
    const possible = sources.filter(
      (source) =>
        !(anyEstimated && source === 'js') && !(areLive && (row.bytes ?? 0) > (liveBytes[source] ?? 0)),
    );
    return possible.length === 1 ? possible[0]! : null;
  });
}

function isWasm({ frames: [innermost] }: HeapRow): boolean {
  return innermost !== undefined && innermost.line === 0 && /(?:^|:)0x[0-9a-f]+$/.test(innermost.file);
}
