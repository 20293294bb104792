/**
 * From a heap snapshot to the rows of the leak report, which are what a reader of the trace sees: names, keys and
 * value formats are a public format. Pure.
 *
 * Not here: emitting the rows and the breadcrumbs around them (`tracer.ts`).
 */
import { formatStack } from './frame.js';
import type { SiteGrowth } from './growth.js';
import type { HeapHistory } from './history.js';
import { retainerValues, type SurvivorGroup } from './retainers.js';
import type { HeapSnapshot, SiteUsage, SourceSnapshot } from './snapshot.js';

/** One instant of the report, with all its keys. */
export interface ReportRow {
  readonly name: string;
  readonly values: Readonly<Record<string, string>>;
}

/** What earlier snapshots add to a report. */
export interface ReportPast {
  readonly history?: HeapHistory;
  /** From `growthOf`; undefined while there is nothing to judge by. */
  readonly growing?: readonly SiteGrowth[] | undefined;
}

const DEFAULT_TOP = 10;
const RETAINERS = 'heap_retainers';

/** A group with the figures it is ranked by. */
interface Ranked {
  readonly usage: SiteUsage;
  readonly bytes: number;
  readonly blocks: number;
  readonly estimated: boolean;
  /** Whether its threads have ended. */
  readonly ended?: boolean;
}

/**
 * The rows `heap_report_stats`, `heap_leaks`, `heap_sites`, `heap_peak`, and where there is evidence `heap_growth`, in
 * this order; and `heap_retainers` where a source knows why its leaks are alive.
 *
 * @param top most groups in each
 * @param past what earlier snapshots add: marks of sources that don't keep their own, and the verdicts
 *
 * @example
 * for (const row of reportRows(heap.snapshot())) console.log(row.name, row.values);
 */
export function reportRows(
  snapshot: HeapSnapshot,
  top = DEFAULT_TOP,
  { history, growing }: ReportPast = {},
): ReportRow[] {
  const retainers = retainerValues(ranked(liveGroups(snapshot), top).map(({ usage }) => usage));
  return [
    { name: 'heap_report_stats', values: statsOf(snapshot) },
    { name: 'heap_leaks', values: leaksOf(snapshot, top) },
    { name: 'heap_sites', values: sitesOf(snapshot, top) },
    { name: 'heap_peak', values: peakOf(snapshot, top, history) },
    ...(growing === undefined ? [] : [{ name: 'heap_growth', values: growthRows(growing, top) }]),
    ...(retainers === undefined ? [] : [{ name: RETAINERS, values: retainers }]),
  ];
}

/** The rows with what survived since a mark added to `heap_retainers`. */
export function withSurvivors(
  rows: readonly ReportRow[],
  survivors: readonly SurvivorGroup[],
): readonly ReportRow[] {
  const values = retainerValues([], survivors);
  if (values === undefined) return rows;
  const leaks = rows.find(({ name }) => name === RETAINERS)?.values;
  return [
    ...rows.filter(({ name }) => name !== RETAINERS),
    { name: RETAINERS, values: { ...leaks, ...values } },
  ];
}

function statsOf(snapshot: HeapSnapshot): Record<string, string> {
  const { sources } = snapshot;
  const estimated = sources.some((source) => source.estimated && source.liveBlocks > 0);
  const sum = (figure: (source: SourceSnapshot) => number): number =>
    sources.reduce((total, source) => total + figure(source), 0);
  const liveHashes = new Set<string>();
  for (const { usage } of liveGroups(snapshot)) liveHashes.add(usage.hash);
  const values: Record<string, string> = {
    live_alloc_count: figure(
      sum((source) => source.liveBlocks),
      estimated,
    ),
    site_count: String(liveHashes.size),
    live_bytes: figure(
      sum((source) => source.liveBytes),
      estimated,
    ),
  };
  if (snapshot.selfBytes !== undefined) values['otrace_self_bytes'] = figure(snapshot.selfBytes, true);
  for (const source of sources) {
    values[`${source.source}_live_bytes`] = figure(source.liveBytes, source.estimated);
    values[`${source.source}_live_alloc_count`] = figure(source.liveBlocks, source.estimated);
    if (source.peakBytes !== undefined)
      values[`${source.source}_peak_bytes`] = figure(source.peakBytes, source.estimated);
    for (const [name, value] of Object.entries(source.facts)) values[`${source.source}_${name}`] = value;
  }
  return { ...values, ...snapshot.facts };
}

function leaksOf(snapshot: HeapSnapshot, top: number): Record<string, string> {
  const values = numbered('leak', [...liveGroups(snapshot), ...endedGroups(snapshot)], top);
  return Object.keys(values).length > 0 ? values : { info: 'no_live_allocations_detected' };
}

/** Only groups with a stack are call sites. A source without totals is listed by what is live, and says so. */
function sitesOf(snapshot: HeapSnapshot, top: number): Record<string, string> {
  const groups: Ranked[] = [];
  for (const { estimated, hasTotals, sites } of snapshot.sources) {
    for (const usage of sites) {
      if (usage.frames.length === 0) continue;
      const bytes = hasTotals ? usage.totalBytes : usage.liveBytes;
      const blocks = hasTotals ? usage.totalBlocks : usage.liveBlocks;
      if (bytes > 0 || blocks > 0) {
        groups.push({ usage, bytes, blocks, estimated: estimated || usage.estimated === true || !hasTotals });
      }
    }
  }
  if (groups.length === 0) return { info: 'no_callsite_info_available' };
  const values = numbered('site', groups, top);
  for (const { source, hasTotals } of snapshot.sources) if (!hasTotals) values[source] = 'live only';
  return values;
}

/** Who was live when each source held most. A source that does not know is shown at the snapshot in which it did. */
function peakOf(
  snapshot: HeapSnapshot,
  top: number,
  history: HeapHistory | undefined,
): Record<string, string> {
  const groups = snapshot.sources.flatMap((source): Ranked[] => {
    if (source.peakBytes === undefined) {
      return liveGroupsOf(history?.peakOf(source.source) ?? source);
    }
    return source.sites.map((usage) => ({
      usage,
      bytes: usage.peakBytes ?? 0,
      blocks: usage.peakBlocks ?? 0,
      estimated: source.estimated || usage.estimated === true,
    }));
  });
  const values = numbered(
    'peak',
    groups.filter(({ bytes, blocks }) => bytes > 0 || blocks > 0),
    top,
  );
  return Object.keys(values).length > 0 ? values : { info: 'no_live_allocations_detected' };
}

function growthRows(growing: readonly SiteGrowth[], top: number): Record<string, string> {
  if (growing.length === 0) return { info: 'no_growth_detected' };
  return Object.fromEntries(
    growing.slice(0, top).map((growth, i) => [`growth_${i + 1}`, describeGrowth(growth)]),
  );
}

function liveGroups(snapshot: HeapSnapshot): Ranked[] {
  return snapshot.sources.flatMap(liveGroupsOf);
}

function liveGroupsOf({ estimated, sites }: SourceSnapshot): Ranked[] {
  return sites
    .filter((usage) => usage.liveBytes > 0 || usage.liveBlocks > 0)
    .map((usage) => ({
      usage,
      bytes: usage.liveBytes,
      blocks: usage.liveBlocks,
      estimated: estimated || usage.estimated === true,
    }));
}

/** What ended threads held at their ends: live no more, and still what a reader looks for. */
function endedGroups(snapshot: HeapSnapshot): Ranked[] {
  return (snapshot.ended ?? []).map((usage) => {
    const estimated = snapshot.sources.some((source) => source.source === usage.source && source.estimated);
    return { usage, bytes: usage.liveBytes, blocks: usage.liveBlocks, estimated, ended: true };
  });
}

function numbered(prefix: string, groups: Ranked[], top: number): Record<string, string> {
  return Object.fromEntries(ranked(groups, top).map((group, i) => [`${prefix}_${i + 1}`, describe(group)]));
}

function ranked(groups: Ranked[], top: number): Ranked[] {
  return groups.sort(byRank).slice(0, top);
}

/** More bytes first, then more blocks, then the hash, so that the order never depends on chance. */
function byRank(a: Ranked, b: Ranked): number {
  if (a.bytes !== b.bytes) return b.bytes - a.bytes;
  if (a.blocks !== b.blocks) return b.blocks - a.blocks;
  return a.usage.hash < b.usage.hash ? -1 : a.usage.hash > b.usage.hash ? 1 : 0;
}

function describe({ usage, bytes, blocks, estimated, ended }: Ranked): string {
  return `${nameOf(usage, ended)} (${figure(bytes, estimated)} bytes, ${figure(blocks, estimated)} allocations)`;
}

function describeGrowth(growth: SiteGrowth): string {
  const { usage, estimated, fromBytes, toBytes, spanUs, confidence, inlined } = growth;
  const perMinute = ((toBytes - fromBytes) / spanUs) * 60e6;
  const course = `+${figure(perMinute, estimated)} bytes/min, ${figure(fromBytes, estimated)} -> ${figure(toBytes, estimated)} bytes`;
  const guess = inlined.length > 0 ? `, maybe inlined: ${formatStack(inlined)}` : '';
  return `${nameOf(usage)} (${course}, confidence ${Math.floor(confidence * 100)}%${guess})`;
}

/**
 * The stack, or the hash in its place, and what else keeps the site apart: `<- [thread job.js x4] [class=Session]
 * [label=GET /users]`.
 */
function nameOf(usage: SiteUsage, ended = false): string {
  const who = usage.frames.length > 0 ? formatStack(usage.frames) : `hash=0x${usage.hash}`;
  const ofClass = usage.className === undefined ? '' : ` [class=${usage.className}]`;
  const forLabel = usage.label === undefined ? '' : ` [label=${usage.label}]`;
  return who + threadText(usage, ended) + ofClass + forLabel;
}

/** The thread of a site as one more caller; nothing for the main thread. */
function threadText({ thread, threadCount = 1 }: SiteUsage, ended: boolean): string {
  if (thread === undefined) return '';
  return ` <- [thread ${thread}${threadCount > 1 ? ` x${threadCount}` : ''}${ended ? ', ended' : ''}]`;
}

/** Digits without separators or exponent; estimates rounded and marked. */
function figure(value: number, estimated: boolean): string {
  const digits = Math.round(value).toFixed(0);
  return estimated ? `~${digits}` : digits;
}
