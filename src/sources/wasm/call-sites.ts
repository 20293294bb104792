/**
 * From what a hook is told to a site. With contexts a stack is walked only for a context or an entry never seen
 * before: the module's part of a site is exact whatever the sampling rate, the JavaScript part is captured at that
 * rate, once for each call from JavaScript that allocates. Without contexts the whole stack is, for each allocation.
 *
 *     entry   0  not asked yet      1  not sampled, no JavaScript part      n  the nth JavaScript stack
 *
 * One for each module: the same number means another chain of calls in another module.
 */
import type { Frame } from '../../heap/frame.js';
import { UNCAPTURED } from '../../heap/live-sites.js';
import type { SiteTable } from '../../heap/sites.js';
import type { EntryFunction } from '../../heap/stack.js';
import type { StreamHost } from '../../heap/stream.js';
import { ContextSites } from './context-sites.js';
import type { FunctionNames, SplitStack, WasmFrames } from './wasm-frames.js';

/** Frames looked at to find the JavaScript behind deep recursion in the module. */
const MOST_FRAMES = 100;
/** Frames that are left out of the module's own: moved bodies, and JavaScript that only passes calls on. */
const SPARE_FRAMES = 8;
const MOST_PAIRS = 1_000_000;
const MOST_ENTRIES = 65_536;
const NOT_SAMPLED = 1;

export class CallSites {
  readonly #host: StreamHost;
  readonly #sites: SiteTable;
  readonly #frames: WasmFrames;
  readonly #names: FunctionNames;
  readonly #byContext = new ContextSites();
  /** By `high,low`. */
  readonly #inside = new Map<string, readonly Frame[]>();
  /** By entry; the first two are none. */
  readonly #outside: (readonly Frame[])[] = [[], []];
  readonly #entries = new Map<string, number>();
  /** Stacks met before, by identity: `StackCapture` returns the same array for the same stack. */
  readonly #siteOfStack = new WeakMap<readonly Frame[], number>();
  readonly #entryOfStack = new WeakMap<readonly Frame[], number>();

  constructor(host: StreamHost, sites: SiteTable, frames: WasmFrames, names: FunctionNames) {
    this.#host = host;
    this.#sites = sites;
    this.#frames = frames;
    this.#names = names;
  }

  /** Contexts that allocated, with each entry they were reached from. */
  get contextCount(): number {
    return this.#inside.size;
  }

  /** Another module of the same bytes, to read debug information from. */
  addModule(module: WebAssembly.Module): void {
    this.#names.sources.sections.add(module);
  }

  /** The entry to remember for the call that JavaScript is making; 0 asks for it. */
  entryOf(entry: number, told: EntryFunction): number {
    if (entry !== 0) return entry;
    return this.#host.sampler.next() ? this.#newEntry(told) : NOT_SAMPLED;
  }

  /** @param told the function that the module called, to be left out of stacks */
  siteOf(low: number, high: number, entry: number, told: EntryFunction): number {
    const site = this.#byContext.find(low, high, entry);
    return site >= 0 ? site : this.#newSite(low, high, entry, told);
  }

  /** The site of an allocation in a module whose contexts are not known. */
  sampledSite(told: EntryFunction): number {
    if (!this.#host.sampler.next()) return UNCAPTURED;
    const stack = this.#capture(told);
    let site = this.#siteOfStack.get(stack);
    if (site === undefined) {
      const { inside, outside } = this.#split(stack);
      site = this.#sites.siteOf([...inside, ...outside]);
      this.#siteOfStack.set(stack, site);
    }
    return site;
  }

  #newSite(low: number, high: number, entry: number, told: EntryFunction): number {
    if (this.#byContext.count >= MOST_PAIRS) return UNCAPTURED;
    const key = `${high},${low}`;
    let inside = this.#inside.get(key);
    if (inside === undefined) {
      // The JavaScript outside is not asked for, and a program may have tens of thousands of contexts.
      inside = this.#split(this.#capture(told, SPARE_FRAMES + 2 * this.#host.stacks.depth)).inside;
      this.#inside.set(key, inside);
    }
    const site = this.#sites.siteOf([...inside, ...(this.#outside[entry] ?? [])]);
    this.#byContext.add(low, high, entry, site);
    return site;
  }

  #newEntry(told: EntryFunction): number {
    const stack = this.#capture(told);
    let entry = this.#entryOfStack.get(stack);
    if (entry === undefined) {
      entry = this.#entryFor(this.#split(stack).outside);
      this.#entryOfStack.set(stack, entry);
    }
    return entry;
  }

  #entryFor(outside: readonly Frame[]): number {
    if (outside.length === 0) return NOT_SAMPLED;
    const key = outside
      .map((frame) => `${frame.name}\n${frame.file}:${frame.line}:${frame.column}`)
      .join('\n');
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      if (this.#entries.size >= MOST_ENTRIES) return NOT_SAMPLED;
      entry = this.#outside.push(outside) - 1;
      this.#entries.set(key, entry);
    }
    return entry;
  }

  #split(stack: readonly Frame[]): SplitStack {
    return this.#frames.split(stack, this.#names, this.#host.stacks.depth);
  }

  /** By default the whole stack: where the module ends and JavaScript begins is not known before. */
  #capture(told: EntryFunction, most = MOST_FRAMES): readonly Frame[] {
    const { guard, stacks } = this.#host;
    return guard.run(() => {
      const depth = stacks.depth;
      stacks.depth = Math.max(most, depth);
      try {
        return stacks.capture(told);
      } finally {
        stacks.depth = depth;
      }
    });
  }
}
