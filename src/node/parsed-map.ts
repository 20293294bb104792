/**
 * One source map, parsed: from a position in what runs to the author's. How it was come by is not here
 * (`source-maps.ts`, `cli/attach/script-maps.ts`).
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Frame } from '../heap/frame.js';

/** What is used of `node:module`'s SourceMap; its typings leave out that `findEntry` may answer `{}`. */
export interface ParsedMap {
  readonly payload: { readonly sources?: readonly string[] };
  findEntry(lineOffset: number, columnOffset: number): Partial<MapEntry>;
}

/** Lines and columns from 0. */
interface MapEntry {
  generatedLine: number;
  generatedColumn: number;
  originalSource: string;
  originalLine: number;
  originalColumn: number;
  name: string;
}

export interface ModuleWithMaps {
  findSourceMap(script: string): ParsedMap | undefined;
  SourceMap: new (payload: object) => ParsedMap;
}

/**
 * @param text of the map
 * @param base URL that its sources are relative to
 * @throws Error when it is no source map
 */
export function parseMap(text: string, base: string): ParsedMap {
  const { SourceMap } = createRequire(import.meta.url)('node:module') as ModuleWithMaps;
  const payload = JSON.parse(text.replace(/^\)\]\}'[^\n]*\n/, '')) as object;
  return new SourceMap(withAbsoluteSources(payload, base));
}

/** Resolves `sources` as Node does for the maps it keeps, and leaves out the sources' text. */
function withAbsoluteSources(payload: object, base: string): object {
  if ('sections' in payload && Array.isArray(payload.sections)) {
    const sections = payload.sections.map((section: { map: object }) => ({
      ...section,
      map: withAbsoluteSources(section.map, base),
    }));
    return { ...payload, sections };
  }
  const { sources, sourceRoot } = payload as { sources?: unknown; sourceRoot?: unknown };
  if (!Array.isArray(sources)) return payload;
  const root = typeof sourceRoot === 'string' && sourceRoot !== '' ? sourceRoot.replace(/\/?$/, '/') : '';
  const absolute = sources.map((source) => new URL(root + String(source ?? ''), base).href);
  return { ...payload, sources: absolute, sourceRoot: '', sourcesContent: undefined };
}

/** The frame as its author wrote it; the same object where the map has nothing. */
export function mapped(map: ParsedMap, frame: Frame): Frame {
  const line = frame.line - 1;
  const column = Math.max(frame.column - 1, 0);
  const entry = map.findEntry(line, column);
  const { originalSource, originalLine, originalColumn } = entry;
  // findEntry answers with the nearest mapping before the position, be it lines away: that is another statement's.
  if (originalSource === undefined || originalLine === undefined || entry.generatedLine !== line) {
    return line === 0 && column === 0 ? wholeScript(map, frame) : frame;
  }
  return {
    name: nameIn(entry, frame, column),
    file: withoutScheme(originalSource),
    line: originalLine + 1,
    column: (originalColumn ?? 0) + 1,
  };
}

/** A module's own top-level code begins at 0:0, where compilers put headers that map to nothing. */
function wholeScript(map: ParsedMap, frame: Frame): Frame {
  const source = map.payload.sources?.length === 1 ? map.payload.sources[0] : undefined;
  return source === undefined ? frame : { ...frame, file: withoutScheme(source), line: 1, column: 1 };
}

/**
 * V8 places a function at the parenthesis after its name. Only a mapping that covers exactly that name says how
 * the function was called before a minifier renamed it; any other name there belongs to a parameter or a caller.
 */
function nameIn(entry: Partial<MapEntry>, frame: Frame, column: number): string {
  const { name, generatedColumn } = entry;
  if (name === undefined || name === '' || generatedColumn === undefined) return frame.name;
  return generatedColumn + frame.name.length === column ? name : frame.name;
}

function withoutScheme(source: string): string {
  return source.startsWith('file:') ? fileURLToPath(source) : source;
}
