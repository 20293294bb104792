/** Counts, shares and times as tables show them. Sizes are in `size.ts`. */

/** `14,212`. Not by `toLocaleString`: Node takes 40 ms to be ready for the first. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** A part of a whole: `99.8%`, `100%`, `<0.1%`; empty when there is no whole. */
export function formatShare(part: number, whole: number): string {
  if (!(whole > 0)) return '';
  const percent = (100 * part) / whole;
  if (percent > 0 && percent < 0.05) return '<0.1%';
  return `${percent >= 99.95 ? Math.round(percent) : percent.toFixed(1)}%`;
}

/** A time from microseconds: `9.6 µs`, `14.2 ms`, `3.05 s`, `12 min 4 s`, `3 h 20 min`. */
export function formatDuration(us: number): string {
  if (us < 0) return `-${formatDuration(-us)}`;
  if (us < 999.95) return `${Number(us.toFixed(1))} µs`;
  if (us < 999_950) return `${Number((us / 1e3).toFixed(1))} ms`;
  if (us < 59_995_000) return `${Number((us / 1e6).toFixed(2))} s`;
  const seconds = Math.round(us / 1e6);
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${seconds % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `1 block`, `2 blocks`. */
export function plural(count: number, one: string): string {
  return `${formatCount(count)} ${one}${count === 1 ? '' : 's'}`;
}
