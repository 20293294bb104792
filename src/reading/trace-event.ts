/**
 * One event of a Chrome trace as it stands in the file, and how its fields are read. Files are written by many
 * tools, so no field is taken for granted: an accessor gives the value in its proper type or says it has none.
 */

/**
 * An event, every key kept as the file has it. Integers that a double can't hold are BigInt; NaN and Infinity
 * may occur where another tool wrote them.
 */
export interface TraceEvent {
  readonly [key: string]: unknown;
}

/** Process and thread ids are numbers by the format; some tools write names. */
export type TraceId = number | string;

export function nameOf(event: TraceEvent): string {
  const name = event['name'];
  return typeof name === 'string' ? name : '';
}

/** The event's type: `X`, `B`, `E`, `I`, `i`, `C`, `M`, `s`, `t`, `f` ... */
export function phaseOf(event: TraceEvent): string {
  const phase = event['ph'];
  return typeof phase === 'string' ? phase : '';
}

/** Start in microseconds; null when absent or not finite. Numbers written as text count, as in Perfetto. */
export function timeUsOf(event: TraceEvent): number | null {
  return finiteNumber(event['ts']);
}

/** Microseconds from start to end; 0 when the event has no duration. */
export function durationUsOf(event: TraceEvent): number {
  return finiteNumber(event['dur']) ?? 0;
}

export function processOf(event: TraceEvent): TraceId {
  return idOf(event['pid']);
}

export function threadOf(event: TraceEvent): TraceId {
  return idOf(event['tid']);
}

export function argumentsOf(event: TraceEvent): Readonly<Record<string, unknown>> {
  const value = event['args'];
  return isRecord(value) ? value : {};
}

/** A finite number, also when it is written as text; null otherwise. */
export function finiteNumber(value: unknown): number | null {
  if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'string') return null;
  if (value === '') return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function idOf(value: unknown): TraceId {
  if (typeof value === 'number' || typeof value === 'string') return value;
  return typeof value === 'bigint' ? String(value) : 0;
}
