/**
 * A report before V8 runs out of heap, which ends the process without another line of JavaScript. Two ways, since a
 * program gets there in two ways:
 *
 * - It comes back to its event loop now and then: after each major collection Node tells us (in a later turn) and what
 *   is left is compared with the limit. A report at each of `REPORT_SHARES`, the first time it is passed.
 * - It does not come back. V8 then calls nobody but a debugger: a session of this very process that has enabled the
 *   `Debugger` domain is paused (`OOM`) with the limit raised for as long as it takes, in the middle of whatever loop
 *   that is, and goes on by itself. But an enabled debugger costs some 40 ms, makes `await` ten times as slow, and V8's
 *   own checks fail when it is paused in some async functions. So it is on only while the main script runs for the
 *   first time, and only where the heap is so small that a script can fill it in seconds.
 *
 * Not seen: a loop that begins later and never comes back, a large heap that is filled so; heaps of workers, which end
 * alone.
 */
import { createRequire } from 'node:module';
import type { HeapSpaceInfo } from 'node:v8';
import { observe, perfHooks } from './timeline/performance-entries.js';

const REPORT_SHARES = [0.7, 0.85, 0.95] as const;
/** Below this share what was reported before is over. */
const CALM_SHARE = 0.6;
const SMALL_HEAP_BYTES = 512 * 1024 * 1024;
/** Time in which Node has loaded the modules of a program and begun to run them. */
const MODULES_LOADED_MS = 100;
const MIB = 1024 * 1024;

type V8 = typeof import('node:v8');
type Session = import('node:inspector').Session;

export class HeapLimit {
  /** Most bytes that V8 lets the old generation have. */
  readonly limitBytes: number;
  readonly #v8: V8;
  readonly #report: () => void;
  readonly #stopObserving: () => void;
  #passed = 0;
  #isReporting = false;
  #debugger: Session | undefined;

  /** @param report writes a report and takes it to the disk */
  constructor(report: () => void) {
    this.#v8 = createRequire(import.meta.url)('node:v8') as V8;
    this.#report = report;
    this.limitBytes = oldGenerationLimit(this.#v8);
    const { NODE_PERFORMANCE_GC_MAJOR } = perfHooks().constants;
    const part = observe(['gc'], ({ detail }) => {
      if ((detail as { kind: number }).kind === NODE_PERFORMANCE_GC_MAJOR) this.#collected();
    });
    this.#stopObserving = () => part.stop();
    if (this.limitBytes > SMALL_HEAP_BYTES) return;
    this.#armDebugger();
    process.nextTick(() => {
      // A CommonJS main script has come to its end. Modules are only being loaded, and are run in later turns.
      if (process.mainModule !== undefined) this.#disarmDebugger();
      else setTimeout(() => this.#disarmDebugger(), MODULES_LOADED_MS).unref();
    });
  }

  stop(): void {
    this.#isReporting = true;
    this.#stopObserving();
    this.#disarmDebugger();
  }

  /** A major collection is over. */
  #collected(): void {
    if (this.#isReporting) return;
    const share = oldGenerationBytes(this.#v8.getHeapSpaceStatistics()) / this.limitBytes;
    if (share < CALM_SHARE) this.#passed = 0;
    const passed = REPORT_SHARES.filter((least) => share >= least).length;
    if (passed <= this.#passed) return;
    this.#passed = passed;
    this.#write();
  }

  #write(): void {
    this.#isReporting = true;
    try {
      this.#report();
    } finally {
      this.#isReporting = false;
    }
  }

  #armDebugger(): void {
    try {
      const { Session } = createRequire(import.meta.url)('node:inspector') as typeof import('node:inspector');
      const session = new Session();
      session.connect();
      session.on('Debugger.paused', ({ params }) => {
        if ((params.reason as string) !== 'OOM' || this.#isReporting) return;
        this.#write();
        // With a debugger the limit is raised again and again, which draws the end out by half a minute.
        session.post('Debugger.disable');
      });
      session.post('Debugger.enable', { maxScriptsCacheSize: 0 });
      this.#debugger = session;
    } catch {
      // A Node without an inspector: the other way is left.
    }
  }

  #disarmDebugger(): void {
    this.#debugger?.disconnect();
    this.#debugger = undefined;
  }
}

/** What a major collection leaves alone. */
function oldGenerationBytes(spaces: readonly HeapSpaceInfo[]): number {
  return spaces
    .filter(({ space_name }) => !space_name.startsWith('new_') && !space_name.startsWith('read_only'))
    .reduce((sum, { space_used_size }) => sum + space_used_size, 0);
}

/**
 * V8 tells the limit of the whole heap only; the young generation's part of that is unknown, and up to half of a small
 * heap. So what was asked for by flag counts, where it was.
 */
function oldGenerationLimit(v8: V8): number {
  const wholeBytes = v8.getHeapStatistics().heap_size_limit;
  const flags = [...(process.env['NODE_OPTIONS'] ?? '').split(/\s+/), ...process.execArgv].join(' ');
  const asked = [...flags.matchAll(/--max[-_]old[-_]space[-_]size[= ](\d+)/g)].at(-1)?.[1];
  return asked === undefined ? wholeBytes : Math.min(wholeBytes, Number(asked) * MIB);
}
