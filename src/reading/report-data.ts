/**
 * The data of a metadata event `otrace_heap_report` back into a snapshot: the inverse of `heap/report-data.ts`.
 * The file may be damaged or by another hand, so nothing in it is taken for granted: a source, site or frame in a
 * shape other than documented is left out.
 */
import type { Frame } from '../heap/frame.js';
import type { SiteGrowth } from '../heap/growth.js';
import { REPORT_DATA_EVENT, REPORT_DATA_VERSION } from '../heap/report-data.js';
import {
  type HeapSnapshot,
  type SiteUsage,
  SOURCE_NAMES,
  type SourceName,
  type SourceSnapshot,
} from '../heap/snapshot.js';
import { argumentsOf, finiteNumber, isRecord, nameOf, phaseOf, type TraceEvent } from './trace-event.js';

/** What one such event holds. */
export interface RecordedSnapshot {
  /** `checkpoint`: only the largest sites, and no rows were written with it. */
  readonly kind: 'report' | 'checkpoint';
  readonly snapshot: HeapSnapshot;
  /** undefined where there was nothing to judge growth by. */
  readonly growing: readonly SiteGrowth[] | undefined;
}

/** undefined for any other event, and for data of a version that this reader does not know. */
export function recordedSnapshot(event: TraceEvent): RecordedSnapshot | undefined {
  if (phaseOf(event) !== 'M' || nameOf(event) !== REPORT_DATA_EVENT) return undefined;
  const data = argumentsOf(event);
  if (data['version'] !== REPORT_DATA_VERSION) return undefined;
  const frames = list(data['frames']).map(frameOf);
  const framesAt = (indexes: unknown): Frame[] =>
    list(indexes)
      .map((index) => frames[Number(index)])
      .filter((frame) => frame !== undefined);
  const sources = list(data['sources'])
    .map((source) => sourceOf(source, framesAt))
    .filter((source) => source !== undefined);
  const usages = new Map(
    sources.flatMap(({ source, sites }) => sites.map((usage) => [`${source} ${usage.hash}`, usage])),
  );
  return {
    kind: data['kind'] === 'checkpoint' ? 'checkpoint' : 'report',
    snapshot: { takenUs: numberOf(data['time_us']), sources },
    growing: Array.isArray(data['growth'])
      ? data['growth']
          .map((growth) => growthOf(growth, usages, framesAt))
          .filter((growth) => growth !== undefined)
      : undefined,
  };
}

type FramesAt = (indexes: unknown) => Frame[];

function sourceOf(value: unknown, framesAt: FramesAt): SourceSnapshot | undefined {
  if (!isRecord(value)) return undefined;
  const source = SOURCE_NAMES.find((name) => name === value['source']);
  if (source === undefined) return undefined;
  const [liveBytes, liveBlocks] = pairOf(value['live']) ?? [0, 0];
  const peak = pairOf(value['peak']);
  const births = value['births'];
  const estimated = value['estimated'] === true;
  const siteValues = list(value['sites']).filter(isRecord);
  return {
    source,
    estimated,
    hasTotals: siteValues.some((site) => site['total'] !== undefined) || !estimated,
    liveBytes,
    liveBlocks,
    ...(peak !== undefined && { peakBytes: peak[0], peakBlocks: peak[1] }),
    ...(isRecord(births) && {
      births: { spanUs: numberOf(births['span_us']), timed: births['timed'] === true },
    }),
    facts: isRecord(value['facts'])
      ? Object.fromEntries(Object.entries(value['facts']).map(([name, fact]) => [name, String(fact)]))
      : {},
    sites: siteValues.map((site) => siteOf(site, source, framesAt)),
  };
}

function siteOf(value: Readonly<Record<string, unknown>>, source: SourceName, framesAt: FramesAt): SiteUsage {
  const [liveBytes, liveBlocks] = pairOf(value['live']) ?? [0, 0];
  const [totalBytes, totalBlocks] = pairOf(value['total']) ?? [0, 0];
  const peak = pairOf(value['peak']);
  const { hash, label, thread, class: className, error_bytes: errorBytes, born_bytes: bornBytes } = value;
  return {
    source,
    hash: typeof hash === 'string' ? hash : '',
    frames: framesAt(value['stack']),
    liveBytes,
    liveBlocks,
    totalBytes,
    totalBlocks,
    ...(peak !== undefined && { peakBytes: peak[0], peakBlocks: peak[1] }),
    ...(value['estimated'] === true && { estimated: true }),
    ...(errorBytes !== undefined && { errorBytes: numberOf(errorBytes) }),
    ...(Array.isArray(bornBytes) && { bornBytes: bornBytes.map(numberOf) }),
    ...(typeof label === 'string' && { label }),
    ...(typeof thread === 'string' && { thread }),
    ...(typeof className === 'string' && { className }),
  };
}

function growthOf(
  value: unknown,
  usages: ReadonlyMap<string, SiteUsage>,
  framesAt: FramesAt,
): SiteGrowth | undefined {
  if (!isRecord(value)) return undefined;
  const usage = usages.get(`${String(value['source'])} ${String(value['hash'])}`);
  if (usage === undefined) return undefined;
  return {
    usage,
    estimated: value['estimated'] === true,
    fromBytes: numberOf(value['from_bytes']),
    toBytes: numberOf(value['to_bytes']),
    spanUs: numberOf(value['span_us']),
    confidence: numberOf(value['confidence']),
    inlined: framesAt(value['inlined']),
  };
}

function frameOf(value: unknown): Frame {
  const [name, file, line, column] = list(value);
  return {
    name: typeof name === 'string' ? name : '(anonymous)',
    file: typeof file === 'string' ? file : '',
    line: numberOf(line),
    column: numberOf(column),
  };
}

function pairOf(value: unknown): [number, number] | undefined {
  return Array.isArray(value) ? [numberOf(value[0]), numberOf(value[1])] : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function numberOf(value: unknown): number {
  return finiteNumber(value) ?? 0;
}
