/**
 * From a position in the JavaScript that runs to the position in the source it was made from, for frames of
 * captured stacks and of V8's profiles alike.
 *
 * Where a map is looked for, in this order:
 * 1. what Node keeps itself (`module.findSourceMap`): everything compiled in memory by tsx or
 *    `--experimental-transform-types`, and every map under `--enable-source-maps`;
 * 2. the last `//# sourceMappingURL=` of the script's file: a `data:` URL, or a file beside the script.
 *
 * A script with a TypeScript suffix is looked up in 1 only: what ran is not what lies on disk, except under
 * Node's type stripping, which keeps every position. Maps on the network are not fetched. Compilers that
 * register hooks of their own without telling Node (ts-node, @babel/register) are not seen: their frames keep
 * the generated position.
 *
 * A parsed map costs about a hundred bytes a mapping, and reports are rare, so maps are held weakly: one report
 * parses each map once, and the next collection may take it. What was asked for is kept, some 200 bytes a
 * position: most reports ask for what the one before did, and parse nothing. A script without a usable map is
 * remembered.
 */
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Frame } from '../heap/frame.js';
import { type ModuleWithMaps, mapped, type ParsedMap, parseMap } from './parsed-map.js';

/** Larger files than this are generated bundles whose map would stall the report for seconds. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** Scripts, and positions of one script, remembered; beyond that it starts anew. */
const MAX_SCRIPTS = 16_384;
const MAX_FRAMES = 16_384;

const TYPESCRIPT_SUFFIX = /\.([cm]?ts|tsx|jsx)$/;

/** A script that has a map, and what was asked of it, by name and position. */
interface MappedScript {
  map: WeakRef<ParsedMap>;
  readonly frames: Map<string, Frame>;
}

export class SourceMaps {
  readonly #scripts = new Map<string, MappedScript | undefined>();
  #module: ModuleWithMaps | undefined;

  /**
   * The frame as its author wrote it; the same object when there is no map. Never throws.
   *
   * @param frame a position in what runs: `file` as the engine names the script (path or `file:` URL). Give it
   * call-site positions, never the text of `error.stack`: where the runtime maps that text itself
   * (`process.sourceMapsEnabled`) a second mapping would be wrong.
   *
   * @example
   * maps.mapFrame({ name: 'leak', file: '/app/dist/a.js', line: 9, column: 14 }) // { ..., file: '/app/src/a.ts', line: 4 }
   */
  mapFrame(frame: Frame): Frame {
    if (frame.line === 0 || !isOnDisk(frame.file)) return frame;
    try {
      const script = this.#scriptOf(frame.file);
      if (script === undefined) return frame;
      const position = `${frame.line}:${frame.column}:${frame.name}`;
      const known = script.frames.get(position);
      if (known !== undefined) return known;
      if (script.frames.size >= MAX_FRAMES) script.frames.clear();
      const found = mapped(this.#mapOf(script, frame.file), frame);
      script.frames.set(position, found);
      return found;
    } catch {
      this.#scripts.set(frame.file, undefined);
      return frame;
    }
  }

  #scriptOf(file: string): MappedScript | undefined {
    if (this.#scripts.has(file)) return this.#scripts.get(file);
    if (this.#scripts.size >= MAX_SCRIPTS) this.#scripts.clear();
    const map = this.#load(file);
    const script =
      map === undefined ? undefined : { map: new WeakRef(map), frames: new Map<string, Frame>() };
    this.#scripts.set(file, script);
    return script;
  }

  #mapOf(script: MappedScript, file: string): ParsedMap {
    const known = script.map.deref();
    if (known !== undefined) return known;
    const map = this.#load(file);
    if (map === undefined) throw new Error(`the source map of ${file} is gone`);
    script.map = new WeakRef(map);
    return map;
  }

  #load(script: string): ParsedMap | undefined {
    this.#module ??= createRequire(import.meta.url)('node:module') as ModuleWithMaps;
    const url = script.startsWith('file:') ? script : pathToFileURL(script).href;
    const kept = this.#module.findSourceMap(url);
    if (kept !== undefined) return kept;
    if (TYPESCRIPT_SUFFIX.test(url)) return undefined;
    const reference = referenceIn(readBounded(url));
    if (reference === undefined) return undefined;
    const mapUrl = new URL(reference, url);
    const inline = mapUrl.protocol === 'data:';
    if (!inline && mapUrl.protocol !== 'file:') return undefined;
    const text = inline ? dataText(mapUrl.href) : readBounded(mapUrl.href);
    return parseMap(text, inline ? url : mapUrl.href);
  }
}

export function isOnDisk(file: string): boolean {
  return file.startsWith('file:') || file.startsWith('/') || /^[A-Za-z]:[\\/]/.test(file);
}

export function readBounded(url: string): string {
  const path = fileURLToPath(url);
  if (statSync(path).size > MAX_FILE_BYTES) return '';
  return readFileSync(path, 'utf8');
}

/** The last reference counts: a bundle may carry those of the files it swallowed, in strings or comments. */
function referenceIn(script: string): string | undefined {
  const at = Math.max(
    script.lastIndexOf('//# sourceMappingURL='),
    script.lastIndexOf('//@ sourceMappingURL='),
  );
  if (at < 0) return undefined;
  return /^[^\s'"]+/.exec(script.slice(at + '//# sourceMappingURL='.length))?.[0];
}

export function dataText(url: string): string {
  const comma = url.indexOf(',');
  const body = url.slice(comma + 1);
  if (url.slice(0, comma).endsWith(';base64')) return Buffer.from(body, 'base64').toString('utf8');
  return decodeURIComponent(body);
}
