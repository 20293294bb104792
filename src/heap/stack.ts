/**
 * Captures the stack of whoever called otrace, cheaply: the engine collects the frames, a table of stacks already
 * seen recognises them by script and position, and names and line numbers are made the first time only.
 *
 *     engine's frames -> (script number, position) pairs -> hash -> known stack -> the same Frame[] every time
 *
 * Invariants:
 *  1. Two captures of the same stack return the same array (until `STACK_LIMIT` different ones made room).
 *  2. After `capture` the program's `Error.stackTraceLimit` and `Error.prepareStackTrace` are what they were, own
 *     or absent, plain or accessor.
 *
 * Memory: a known stack costs 8 bytes a frame and about 80 (the list of its frames is its site's); frames are shared.
 */
import { type CallSite, frameOf, scriptOf } from './call-site.js';
import type { Frame } from './frame.js';
import { parseStackText } from './stack-text.js';

/** The outermost function of otrace on the stack: it and everything it called are left out. */
export type EntryFunction = (...args: never[]) => unknown;

export interface StackOptions {
  /** How many frames are kept; default 8. */
  readonly depth?: number;
  /** Shows a path as a person would look for it, say relative to the working directory. */
  readonly shortenPath?: (file: string) => string;
  /** Translates a generated position to its source (a source map). Called once for each frame, before `shortenPath`. */
  readonly mapFrame?: (frame: Frame) => Frame;
  /** Whether a script is part of otrace, whose frames are left out wherever they are on the stack. */
  readonly isOwnFrame?: (script: string) => boolean;
}

const DEFAULT_DEPTH = 8;
const STACK_LIMIT = 65_536;
/** Positions kept in all scripts: a program that makes scripts at run time starts anew beyond it. */
const FRAME_LIMIT = 262_144;
const STACK_BYTES = 80;
const FRAME_BYTES = 150;
const NO_FRAMES: readonly Frame[] = [];
/** Frames that the text of a stack may have above the entry function. */
const OWN_FRAMES = 12;
/** Stands for a frame of otrace until it is left out. */
const OWN_FRAME: Frame = { name: '', file: '', line: 0, column: 0 };

interface Script {
  readonly number: number;
  readonly frames: Map<number, Frame>;
}

interface KnownStack {
  /** Where its key begins in the keys of all, and how long that is. */
  readonly start: number;
  readonly words: number;
  readonly frames: readonly Frame[];
  /** Another stack with the same hash. */
  readonly next: KnownStack | undefined;
}

export class StackCapture {
  depth: number;
  readonly #shortenPath: (file: string) => string;
  readonly #mapFrame: (frame: Frame) => Frame;
  readonly #isOwnFrame: (script: string) => boolean;
  readonly #scripts = new Map<string, Script>();
  readonly #known = new Map<number, KnownStack>();
  readonly #knownTexts = new Map<string, readonly Frame[]>();
  #frameCount = 0;
  #textBytes = 0;
  #scratch = new Int32Array(2 * DEFAULT_DEPTH);
  /** One array for all: a typed array of its own takes 180 bytes more. */
  #keys = new Int32Array(256);
  #keyWords = 0;
  /** What the engine handed to `#receive`, which it calls only when it has structured stacks. */
  #sites: readonly CallSite[] | undefined;
  readonly #receive = (_error: unknown, sites: readonly CallSite[]): string => {
    this.#sites = sites;
    return '';
  };

  constructor(options: StackOptions = {}) {
    this.depth = options.depth ?? DEFAULT_DEPTH;
    this.#shortenPath = options.shortenPath ?? ((file) => file);
    this.#mapFrame = options.mapFrame ?? ((frame) => frame);
    this.#isOwnFrame = options.isOwnFrame ?? (() => false);
  }

  /** Memory held, in bytes, about. */
  get selfBytes(): number {
    return (
      this.#known.size * STACK_BYTES + this.#keyWords * 4 + this.#frameCount * FRAME_BYTES + this.#textBytes
    );
  }

  /**
   * @param entry the frames up to and including this function's are left out
   * @returns innermost first; empty when the engine gives nothing. Never throws.
   */
  capture(entry: EntryFunction): readonly Frame[] {
    try {
      return this.#capture(entry);
    } catch {
      return NO_FRAMES; // an Error made unusable by the program; the allocation is still counted
    } finally {
      this.#sites = undefined;
    }
  }

  #capture(entry: EntryFunction): readonly Frame[] {
    const structured = typeof Error.captureStackTrace === 'function';
    const limit = swap('stackTraceLimit', structured ? this.depth : this.depth + OWN_FRAMES);
    const prepare = swap('prepareStackTrace', this.#receive);
    let text: unknown;
    try {
      const holder: { stack?: unknown } = structured ? {} : new Error();
      if (structured) Error.captureStackTrace(holder, entry);
      text = holder.stack;
    } finally {
      restore('prepareStackTrace', prepare);
      restore('stackTraceLimit', limit);
    }
    if (this.#sites !== undefined) return this.#framesOf(this.#sites);
    return typeof text === 'string'
      ? this.#framesOfText(text, structured ? undefined : entry.name)
      : NO_FRAMES;
  }

  #framesOf(sites: readonly CallSite[]): readonly Frame[] {
    const count = Math.min(sites.length, this.depth);
    const words = 2 * count;
    if (this.#scratch.length < words) this.#scratch = new Int32Array(words);
    const key = this.#scratch;
    let hash = count;
    for (let i = 0; i < count; i++) {
      const script = this.#script(scriptOf(sites[i]!));
      const position = sites[i]!.getPosition();
      key[2 * i] = script.number;
      key[2 * i + 1] = position;
      hash = Math.imul(hash ^ position, 0x9e3779b1) ^ script.number;
      hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
    }
    const first = this.#known.get(hash);
    for (let known = first; known !== undefined; known = known.next) {
      if (known.words === words && this.#isKey(known.start, key, words)) return known.frames;
    }
    const frames = trimNodeFrames(sites.slice(0, count).map((site, i) => this.#frame(site, key[2 * i + 1]!)));
    if (this.#known.size >= STACK_LIMIT) this.#forgetStacks();
    this.#known.set(hash, { start: this.#keep(key, words), words, frames, next: this.#known.get(hash) });
    if (this.#frameCount + this.#scripts.size > FRAME_LIMIT) this.#forget();
    return frames;
  }

  /** Scripts are numbered anew, so no stack is known any more. */
  #forget(): void {
    this.#forgetStacks();
    this.#scripts.clear();
    this.#frameCount = 0;
  }

  #forgetStacks(): void {
    this.#known.clear();
    this.#keyWords = 0;
  }

  #isKey(start: number, key: Int32Array, words: number): boolean {
    for (let i = 0; i < words; i++) if (this.#keys[start + i] !== key[i]) return false;
    return true;
  }

  /** @returns where the key begins */
  #keep(key: Int32Array, words: number): number {
    const start = this.#keyWords;
    if (start + words > this.#keys.length) {
      const keys = new Int32Array(2 * (start + words));
      keys.set(this.#keys);
      this.#keys = keys;
    }
    this.#keys.set(key.subarray(0, words), start);
    this.#keyWords += words;
    return start;
  }

  #script(name: string): Script {
    let script = this.#scripts.get(name);
    if (script === undefined) {
      script = { number: this.#scripts.size, frames: new Map() };
      this.#scripts.set(name, script);
    }
    return script;
  }

  #frame(site: CallSite, position: number): Frame {
    const { frames } = this.#script(scriptOf(site));
    let frame = frames.get(position);
    if (frame === undefined) {
      frame = this.#finish(frameOf(site));
      frames.set(position, frame);
      this.#frameCount++;
    }
    return frame;
  }

  #finish(raw: Frame): Frame {
    if (this.#isOwnFrame(raw.file)) return OWN_FRAME;
    const frame = this.#mapFrame(raw);
    return { ...frame, file: this.#shortenPath(frame.file) };
  }

  /** @param entryName where the user's frames begin, when the text has otrace's own frames too */
  #framesOfText(text: string, entryName: string | undefined): readonly Frame[] {
    const known = this.#knownTexts.get(text);
    if (known !== undefined) return known;
    const all = parseStackText(text);
    const isEntry = (frame: Frame): boolean => frame.name.split('.').at(-1) === entryName;
    const skipped = entryName === undefined ? -1 : all.slice(0, OWN_FRAMES).findLastIndex(isEntry);
    const own = all.slice(skipped + 1, skipped + 1 + this.depth).map((frame) => this.#finish(frame));
    const frames = trimNodeFrames(own);
    if (this.#knownTexts.size >= STACK_LIMIT) {
      this.#knownTexts.clear();
      this.#textBytes = 0;
    }
    this.#knownTexts.set(text, frames);
    this.#textBytes += 2 * text.length + frames.length * FRAME_BYTES;
    return frames;
  }
}

/**
 * Frames of Node's own JavaScript (`node:internal/...`, `node:events`) at the outer end say how the program was
 * started or called back, not who allocates: they are cut off. Those between the user's frames stay, and a stack of
 * nothing else stays whole.
 */
export function trimNodeFrames(all: readonly Frame[]): readonly Frame[] {
  const frames = all.includes(OWN_FRAME) ? all.filter((frame) => frame !== OWN_FRAME) : all;
  const last = frames.findLastIndex((frame) => !frame.file.startsWith('node:'));
  return last === -1 ? frames : frames.slice(0, last + 1);
}

type Replaced = PropertyDescriptor | undefined | 'untouchable';
type StackProperty = 'stackTraceLimit' | 'prepareStackTrace';

const errorProperties: { [name in StackProperty]?: unknown } = Error;

/** Sets a property of `Error` for a moment, without running a getter or setter that the program put there. */
function swap(name: StackProperty, value: unknown): Replaced {
  const before = Object.getOwnPropertyDescriptor(Error, name);
  if (before?.writable === true) {
    errorProperties[name] = value; // the usual case, and four times as fast as a definition
    return before;
  }
  const replaced = Reflect.defineProperty(Error, name, { value, writable: true, configurable: true });
  return replaced ? before : 'untouchable';
}

function restore(name: StackProperty, before: Replaced): void {
  if (before === 'untouchable') return;
  if (before === undefined) delete errorProperties[name];
  else if (before.writable === true) errorProperties[name] = before.value;
  else Object.defineProperty(Error, name, before);
}
