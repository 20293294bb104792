/**
 * The text of one row of a heap report (`leak_1`, `site_3` ...) and of one frame in it, back into parts. The
 * inverse of what the heap tracer writes, and of what the C++ header with the same rows writes:
 *
 *     keepBlock (app.ts:12:3) <- main (app.ts:30:1) (1966080 bytes, 120 allocations)
 *     hash=0x00000000deadbeef (~2048 bytes, ~1 allocations)
 *     makeSession (app.ts:9:1) [class=Session] [label=GET /users] (4096 bytes, 2 allocations)
 *     handle (job.ts:3:1) <- [thread job.js x4] (~2048 bytes, ~1 allocations)
 *
 * The thread, where it is not the main one, is read as the outermost frame.
 */
import type { Frame } from '../heap/frame.js';

/** One group of allocations in a report. */
export interface HeapRow {
  /** The number in the row's key; 1 is the largest group. */
  readonly rank: number;
  /** The value as it stands in the file. */
  readonly text: string;
  /** Innermost first; empty when no stack was captured for the group. */
  readonly frames: readonly Frame[];
  /** 16 hex digits where the row gives a hash in place of a stack. */
  readonly hash: string | null;
  /** Of what was allocated; null where the row gives none. */
  readonly className: string | null;
  /** What the program was doing, for whom; null where the row gives none. */
  readonly label: string | null;
  /** null when the text does not end in totals. */
  readonly bytes: number | null;
  readonly blocks: number | null;
  /** True when the figures are a sampling estimate (`~`). */
  readonly estimated: boolean;
}

const TOTALS = /^([\s\S]*?)\s*\((~?)(\d+) bytes?, (~?)(\d+) allocations?[^()]*\)\s*$/;
const HASH = /^hash=0x([0-9a-f]{1,16})(?: <- \[thread .*\])?$/is;
const POSITION = /^(.*?)(?::(\d+))?(?::(\d+))?$/s;

/** Takes a row's value apart. Text in another shape becomes a row without totals. */
export function parseHeapRow(rank: number, text: string): HeapRow {
  const totals = TOTALS.exec(text);
  return {
    rank,
    text,
    ...parseWho((totals?.[1] ?? text).trim()),
    bytes: totals === null ? null : Number(totals[3]),
    blocks: totals === null ? null : Number(totals[5]),
    estimated: totals !== null && (totals[2] === '~' || totals[4] === '~'),
  };
}

/** One row of `heap_retainers`: why a leak, or a group of survivors, is alive. */
export interface RetainerRow {
  /** `leak` where the rank is that of a row of `heap_leaks`, `class` for what survived since a mark. */
  readonly group: 'leak' | 'class';
  readonly rank: number;
  readonly text: string;
  /** From a root to one of the objects. */
  readonly path: readonly string[];
  /** null when the text does not end in figures. */
  readonly bytes: number | null;
  readonly objects: number | null;
}

const HELD = /^([\s\S]*?)\s*\((\d+) bytes?, (\d+) objects?\)\s*$/;

export function parseRetainerRow(group: 'leak' | 'class', rank: number, text: string): RetainerRow {
  const held = HELD.exec(text);
  return {
    group,
    rank,
    text,
    path: (held?.[1] ?? text).split(' > '),
    bytes: held === null ? null : Number(held[2]),
    objects: held === null ? null : Number(held[3]),
  };
}

/** A site that grows, as `heap_growth` has it. */
export interface GrowthRow {
  /** The number in the row's key; 1 gained most. */
  readonly rank: number;
  readonly text: string;
  readonly frames: readonly Frame[];
  readonly hash: string | null;
  readonly className: string | null;
  readonly label: string | null;
  /** null when the text does not end in a course. */
  readonly bytesPerMinute: number | null;
  readonly fromBytes: number | null;
  readonly toBytes: number | null;
  /** 0 .. 1 */
  readonly confidence: number | null;
  readonly estimated: boolean;
  /** Functions that V8 may have inlined into the site's, innermost first. */
  readonly inlined: readonly Frame[];
}

const COURSE =
  /^([\s\S]*?)\s*\(\+(~?)(\d+) bytes\/min, ~?(\d+) -> ~?(\d+) bytes, confidence (\d+)%(?:, maybe inlined: ([\s\S]*))?\)$/;

/** Takes the value of a growth row apart. Text in another shape becomes a row without figures. */
export function parseGrowthRow(rank: number, text: string): GrowthRow {
  const course = COURSE.exec(text);
  const number = (group: number): number | null => (course === null ? null : Number(course[group]));
  const who = parseWho((course?.[1] ?? text).trim());
  const confidence = number(6);
  return {
    rank,
    text,
    ...who,
    bytesPerMinute: number(3),
    fromBytes: number(4),
    toBytes: number(5),
    confidence: confidence === null ? null : confidence / 100,
    estimated: course?.[2] === '~',
    inlined: course?.[7]?.split(' <- ').map(parseFrame) ?? [],
  };
}

/** Who it is about: a stack, or the hash in its place, and what stands behind it. */
interface Who {
  readonly frames: readonly Frame[];
  readonly hash: string | null;
  readonly className: string | null;
  readonly label: string | null;
}

function parseWho(text: string): Who {
  const { rest, value: label } = takeTag(text, 'label');
  const { rest: stack, value: className } = takeTag(rest, 'class');
  const hash = HASH.exec(stack)?.[1];
  const frames = hash !== undefined || stack === '' ? [] : stack.split(' <- ').map(parseFrame);
  return { frames, hash: hash?.toLowerCase().padStart(16, '0') ?? null, className, label };
}

/** Takes ` [key=value]` from the end; the value may hold brackets. */
function takeTag(text: string, key: string): { readonly rest: string; readonly value: string | null } {
  const mark = ` [${key}=`;
  const at = text.endsWith(']') ? text.lastIndexOf(mark) : -1;
  return at < 0
    ? { rest: text, value: null }
    : { rest: text.slice(0, at), value: text.slice(at + mark.length, -1) };
}

/**
 * `name (file:line:column)` into parts; the inverse of `formatFrame`. The file may hold brackets of its own, and
 * so may the name: the last balanced pair after a space is the position.
 */
export function parseFrame(text: string): Frame {
  const open = positionStart(text);
  if (open < 0) return { name: text, file: '', line: 0, column: 0 };
  const [, file = '', line = '0', column = '0'] = POSITION.exec(text.slice(open + 2, -1)) ?? [];
  return { name: text.slice(0, open), file, line: Number(line), column: Number(column) };
}

/** Index of the ` (` that opens the frame's position, or -1. */
function positionStart(text: string): number {
  if (!text.endsWith(')')) return -1;
  let depth = 0;
  for (let i = text.length - 1; i > 1; i--) {
    if (text[i] === ')') depth++;
    else if (text[i] === '(' && --depth === 0) return text[i - 1] === ' ' ? i - 1 : -1;
  }
  return -1;
}
