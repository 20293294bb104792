/**
 * From what a ledger asks to what it is told: the stacks behind a module's allocations. With contexts a stack is walked
 * only for a context or an entry never seen before: the module's part of a site is exact whatever the sampling rate, the
 * JavaScript part is captured at that rate, at most once for each call from JavaScript that allocates. Without contexts the
 * whole stack is, for each allocation.
 *
 * With contexts all of that only as long as there is time for it (`walk-budget.ts`): else the blocks are on a record that says
 * so, one for each entry, and the context is asked for again when it allocates again.
 *
 *     entry   0  not asked yet      1  not sampled, no JavaScript part      n  the nth JavaScript stack, or gate
 *
 * One for each module and ledger: the same number means another chain of calls in another module.
 */
import { type Frame, hashStack } from '../../heap/frame.js';
import type { EntryFunction } from '../../heap/stack.js';
import type { StreamHost } from '../../heap/stream.js';
import { EntryGate } from './entry-gate.js';
import type { Ledger } from './ledger.js';
import { type Caller, NOBODY, type Records } from './site-records.js';
import type { WalkBudget } from './walk-budget.js';
import type { FunctionNames, SplitStack, WasmFrames } from './wasm-frames.js';

/** Frames looked at to find the JavaScript behind deep recursion in the module. */
const MOST_FRAMES = 100;
/** Frames that are left out of the module's own: moved bodies, and JavaScript that only passes calls on. */
const SPARE_FRAMES = 8;
const MOST_ENTRIES = 65_536;
const NOT_SAMPLED = 1;
const UNWALKED = '(more call chains than there was time to walk)';

type NumberOfStack = WeakMap<readonly Frame[], number>;

export class CallSites {
  /** Keeps the contexts of this module apart from those of others in the same ledger. */
  readonly salt: bigint;
  readonly #host: StreamHost;
  readonly #records: Records;
  readonly #ledger: Ledger;
  readonly #frames: WasmFrames;
  readonly #names: FunctionNames;
  readonly #budget: WalkBudget;
  readonly #unwalked: readonly Frame[];
  /** By entry. */
  readonly #unwalkedRecords = new Map<number, number>();
  /** By `high,low`. */
  readonly #inside = new Map<string, readonly Frame[]>();
  /** By entry. */
  readonly #callers = new Map<number, Caller>();
  readonly #entries = new Map<string, number>();
  /** By the address of its cell. */
  readonly #gates = new Map<number, EntryGate>();
  /** Stacks met before, by identity: `StackCapture` returns the same array for the same stack; by label. */
  readonly #recordOfStack = new Map<string | undefined, NumberOfStack>();
  readonly #entryOfStack = new Map<string | undefined, NumberOfStack>();

  /** @param module says which module it is, the same in every thread */
  constructor(
    host: StreamHost,
    records: Records,
    ledger: Ledger,
    frames: WasmFrames,
    names: FunctionNames,
    module: string,
    budget: WalkBudget,
  ) {
    this.salt = BigInt.asIntN(64, BigInt(`0x${hashStack(module, [])}`));
    this.#host = host;
    this.#records = records;
    this.#ledger = ledger;
    this.#frames = frames;
    this.#names = names;
    this.#budget = budget;
    this.#unwalked = [{ name: UNWALKED, file: names.identity.label, line: 0, column: 0 }];
  }

  /** Calls from JavaScript that were taken to come from where others had come from. */
  get assumedCalls(): number {
    let calls = 0;
    for (const gate of this.#gates.values()) calls += gate.assumedCalls;
    return calls;
  }

  /** Another module of the same bytes, to read debug information from. */
  addModule(module: WebAssembly.Module): void {
    this.#names.sources.sections.add(module);
  }

  /**
   * The record of a context that was never reached from this entry before.
   *
   * @param told the function that was called from WebAssembly, to be left out of stacks
   * @returns `~record` for one that is not the context's own
   */
  discover(low: number, high: number, entry: number, told: EntryFunction): number {
    if (!this.#budget.grants()) return ~this.#unwalkedRecord(entry);
    return this.#budget.spend(() => {
      const key = `${high},${low}`;
      let inside = this.#inside.get(key);
      if (inside === undefined) {
        inside = this.#captureInside(told);
        this.#inside.set(key, inside);
      }
      return this.#records.add(inside, this.#callers.get(entry) ?? NOBODY);
    });
  }

  /** The entry of a call from JavaScript whose turn it is, and what to make of the next ones at its gate. */
  enter(gateAt: number, told: EntryFunction): number {
    const ledger = this.#ledger;
    // What was assumed in a shared one could not be told to the other threads; and a label is not seen from afar.
    const isSure = ledger.isShared || this.#host.labels.used;
    const left = isSure ? -1 : ledger.assumedCalls(gateAt);
    let gate = this.#gates.get(gateAt);
    if (left > 0 && gate?.assumed !== undefined) {
      ledger.assume(gateAt, gate.assumed.entry, left - 1);
      return gate.assumed.entry;
    }
    if (!this.#budget.grants()) return NOT_SAMPLED;
    const entry = this.#budget.spend(() => this.#capturedEntry(told));
    const caller = this.#callers.get(entry);
    if (left < 0 || caller === undefined) return entry;
    if (gate === undefined) {
      gate = new EntryGate();
      this.#gates.set(gateAt, gate);
    }
    const calls = gate.next(caller.frames, () => this.#newEntry());
    const { assumed } = gate;
    if (assumed !== undefined) {
      this.#callers.set(assumed.entry, assumed);
      ledger.assume(gateAt, assumed.entry, calls);
    }
    return entry;
  }

  /**
   * The record of an allocation in a module whose contexts are not known. It has no bound on its time: a stack for so many
   * allocations is what was asked for.
   */
  sampledRecord(told: EntryFunction): number {
    const stack = this.#capture(told);
    const label = this.#host.labels.current;
    const known = stacksOf(this.#recordOfStack, label);
    let record = known.get(stack);
    if (record === undefined) {
      const { inside, outside } = this.#split(stack);
      record = this.#records.add([...inside, ...outside], { ...NOBODY, label });
      known.set(stack, record);
    }
    return record;
  }

  #unwalkedRecord(entry: number): number {
    let record = this.#unwalkedRecords.get(entry);
    if (record === undefined) {
      record = this.#records.add(this.#unwalked, this.#callers.get(entry) ?? NOBODY);
      this.#unwalkedRecords.set(entry, record);
    }
    return record;
  }

  /** The module's functions only: a program may have tens of thousands of contexts, and each frame takes its time. */
  #captureInside(told: EntryFunction): readonly Frame[] {
    const { depth } = this.#host.stacks;
    const most = depth + SPARE_FRAMES;
    const stack = this.#capture(told, most);
    const between = stack.filter((frame) => !frame.file.startsWith('wasm://')).length;
    const isWhole = stack.length < most || between === 0;
    return this.#split(isWhole ? stack : this.#capture(told, most + depth)).inside;
  }

  #newEntry(): number | undefined {
    return this.#callers.size >= MOST_ENTRIES ? undefined : this.#ledger.newEntry();
  }

  #capturedEntry(told: EntryFunction): number {
    const stack = this.#capture(told);
    const label = this.#host.labels.current;
    const known = stacksOf(this.#entryOfStack, label);
    let entry = known.get(stack);
    if (entry === undefined) {
      entry = this.#entryFor(this.#split(stack).outside, label);
      known.set(stack, entry);
    }
    return entry;
  }

  #entryFor(outside: readonly Frame[], label: string | undefined): number {
    if (outside.length === 0 && label === undefined) return NOT_SAMPLED;
    const frames = outside.map((frame) => `${frame.name}\n${frame.file}:${frame.line}:${frame.column}`);
    const key = JSON.stringify([label, ...frames]);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = this.#newEntry();
      if (entry === undefined) return NOT_SAMPLED;
      this.#callers.set(entry, { frames: outside, doubt: 0, label });
      this.#entries.set(key, entry);
    }
    return entry;
  }

  #split(stack: readonly Frame[]): SplitStack {
    const told = stack.slice(ledgerFrames(stack));
    return this.#frames.split(told, this.#names, this.#host.stacks.depth);
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

function stacksOf(byLabel: Map<string | undefined, NumberOfStack>, label: string | undefined): NumberOfStack {
  let stacks = byLabel.get(label);
  if (stacks === undefined) {
    stacks = new WeakMap();
    byLabel.set(label, stacks);
  }
  return stacks;
}

/** How many frames the ledger itself has on top of a stack. */
function ledgerFrames(stack: readonly Frame[]): number {
  const script = (frame: Frame | undefined): string | undefined => frame?.file.split(':wasm-function', 1)[0];
  const own = script(stack[0]);
  const first = stack.findIndex((frame) => script(frame) !== own);
  return first < 0 ? stack.length : first;
}
