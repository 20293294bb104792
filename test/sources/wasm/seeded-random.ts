/** The same numbers for the same seed, on every machine: a multiply-with-carry generator after George Marsaglia. */
export function seededRandom(seed: number): (below: number) => number {
  let high = (seed * 2654435761) >>> 0 || 1;
  let low = (seed ^ 0x5bd1e995) >>> 0 || 1;
  return (below) => {
    high = (36969 * (high & 0xffff) + (high >>> 16)) >>> 0;
    low = (18000 * (low & 0xffff) + (low >>> 16)) >>> 0;
    return (((high << 16) >>> 0) + (low & 0xffff)) % below;
  };
}
