/**
 * A heap snapshot as data in the trace, whole: every site with all its figures, for tools that should not have to take
 * the rows' strings apart. Written as a metadata event named `otrace_heap_report`, which viewers ignore.
 *
 * The shape is public (docs/trace-format.md) and carries its version: fields are added, never renamed; what a reader
 * of version 1 can't read anew is another version.
 *
 * Not here: reading it back (`reading/report-data.ts`).
 */
import type { Frame } from './frame.js';
import type { SiteGrowth } from './growth.js';
import type { HeapSnapshot, SiteUsage, SourceSnapshot } from './snapshot.js';

export const REPORT_DATA_EVENT = 'otrace_heap_report';
export const REPORT_DATA_VERSION = 1;

/** `[bytes, blocks]` */
export type BytesAndBlocks = readonly [bytes: number, blocks: number];

export interface SiteData {
  readonly hash: string;
  /** Indexes into `ReportData.frames`, innermost first. */
  readonly stack: readonly number[];
  readonly live: BytesAndBlocks;
  readonly total?: BytesAndBlocks;
  readonly peak?: BytesAndBlocks;
  readonly estimated?: true;
  readonly error_bytes?: number;
  readonly born_bytes?: readonly number[];
  readonly label?: string;
  readonly thread?: string;
  /** How many such threads. */
  readonly thread_count?: number;
  readonly class?: string;
}

export interface SourceData {
  readonly source: string;
  readonly estimated: boolean;
  readonly live: BytesAndBlocks;
  readonly peak?: BytesAndBlocks;
  /** What the slices of `born_bytes` divide. */
  readonly births?: { readonly span_us: number; readonly timed: boolean };
  readonly facts: Readonly<Record<string, string>>;
  readonly sites: readonly SiteData[];
}

export interface GrowthData {
  readonly source: string;
  readonly estimated: boolean;
  readonly hash: string;
  readonly from_bytes: number;
  readonly to_bytes: number;
  readonly span_us: number;
  readonly confidence: number;
  /** Indexes into `ReportData.frames`, innermost first; left out where there is no sign of any. */
  readonly inlined?: readonly number[];
}

export interface ReportData {
  readonly version: number;
  /** `report`: rows were written with it; `checkpoint`: only the largest sites, no rows. */
  readonly kind: 'report' | 'checkpoint';
  readonly time_us: number;
  /** `[name, file, line, column]`; 0 is unknown. */
  readonly frames: readonly (readonly [name: string, file: string, line: number, column: number])[];
  readonly sources: readonly SourceData[];
  /** What threads that have ended held at their ends; left out where there is none. */
  readonly ended?: readonly (SiteData & { readonly source: string })[];
  /** Left out where there is nothing to judge growth by. */
  readonly growth?: readonly GrowthData[];
}

/** Sites of a source in a checkpoint. */
const CHECKPOINT_SITES = 100;

/** The JSON text of a snapshot. */
export function reportDataJson(
  snapshot: HeapSnapshot,
  kind: ReportData['kind'],
  growing: readonly SiteGrowth[] | undefined,
): string {
  const frames = new FrameTable();
  const ended = (snapshot.ended ?? []).map((usage) => ({
    source: usage.source,
    ...siteData(usage, false, kind, frames),
  }));
  const data: ReportData = {
    version: REPORT_DATA_VERSION,
    kind,
    time_us: rounded(snapshot.takenUs),
    sources: snapshot.sources.map((source) => sourceData(source, kind, frames)),
    frames: frames.rows,
    ...(ended.length > 0 && { ended }),
    ...(growing !== undefined && { growth: growing.map((growth) => growthData(growth, frames)) }),
  };
  return JSON.stringify(data);
}

function sourceData(source: SourceSnapshot, kind: ReportData['kind'], frames: FrameTable): SourceData {
  const { births } = source;
  const sites =
    kind === 'report'
      ? source.sites
      : [...source.sites].sort((a, b) => b.liveBytes - a.liveBytes).slice(0, CHECKPOINT_SITES);
  return {
    source: source.source,
    estimated: source.estimated,
    live: pair(source.liveBytes, source.liveBlocks),
    ...(source.peakBytes !== undefined && { peak: pair(source.peakBytes, source.peakBlocks ?? 0) }),
    ...(births !== undefined && { births: { span_us: rounded(births.spanUs), timed: births.timed } }),
    facts: Object.fromEntries(
      Object.entries(source.facts).map(([name, value]) => [cleanText(name), cleanText(value)]),
    ),
    sites: sites.map((usage) => siteData(usage, source.hasTotals, kind, frames)),
  };
}

function siteData(
  usage: SiteUsage,
  hasTotals: boolean,
  kind: ReportData['kind'],
  frames: FrameTable,
): SiteData {
  const { peakBytes, errorBytes, bornBytes, label, thread, className } = usage;
  return {
    hash: usage.hash,
    stack: usage.frames.map((frame) => frames.indexOf(frame)),
    live: pair(usage.liveBytes, usage.liveBlocks),
    ...(hasTotals && { total: pair(usage.totalBytes, usage.totalBlocks) }),
    ...(peakBytes !== undefined && { peak: pair(peakBytes, usage.peakBlocks ?? 0) }),
    ...(usage.estimated && { estimated: true as const }),
    ...(errorBytes !== undefined && { error_bytes: Math.round(errorBytes) }),
    ...(bornBytes !== undefined && kind === 'report' && { born_bytes: bornBytes.map(Math.round) }),
    ...(label !== undefined && { label: cleanText(label) }),
    ...(thread !== undefined && { thread: cleanText(thread) }),
    ...(usage.threadCount !== undefined && { thread_count: usage.threadCount }),
    ...(className !== undefined && { class: cleanText(className) }),
  };
}

function growthData(growth: SiteGrowth, frames: FrameTable): GrowthData {
  const { usage, estimated, fromBytes, toBytes, spanUs, confidence, inlined } = growth;
  return {
    source: usage.source,
    estimated,
    hash: usage.hash,
    from_bytes: Math.round(fromBytes),
    to_bytes: Math.round(toBytes),
    span_us: rounded(spanUs),
    confidence: Math.round(confidence * 10_000) / 10_000,
    ...(inlined.length > 0 && { inlined: inlined.map((frame) => frames.indexOf(frame)) }),
  };
}

/** Each frame that reads the same, once. */
class FrameTable {
  readonly rows: [name: string, file: string, line: number, column: number][] = [];
  readonly #byFrame = new Map<Frame, number>();
  readonly #byText = new Map<string, number>();

  indexOf(frame: Frame): number {
    const known = this.#byFrame.get(frame);
    if (known !== undefined) return known;
    const row: [string, string, number, number] = [
      cleanText(frame.name),
      cleanText(frame.file),
      frame.line,
      frame.column,
    ];
    const text = row.join('\n');
    let index = this.#byText.get(text);
    if (index === undefined) {
      index = this.rows.push(row) - 1;
      this.#byText.set(text, index);
    }
    this.#byFrame.set(frame, index);
    return index;
  }
}

function pair(bytes: number, blocks: number): BytesAndBlocks {
  return [Math.round(bytes), Math.round(blocks)];
}

function rounded(us: number): number {
  return Math.round(us * 1000) / 1000;
}

/** Without what would make the file unreadable for others: NUL and lone surrogates. */
function cleanText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\u2400');
}
