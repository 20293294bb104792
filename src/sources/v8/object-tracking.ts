/**
 * Single objects of V8's heap: every allocation of a window with its stack, by V8's allocation tracking; and what has
 * come since a mark, by object ids, which rise and stay with an object as the collector moves it.
 *
 * V8 has one tracking per isolate and no notion of who owns it: whoever disconnects an inspector session ends it and
 * forgets all ids. That can't be prevented, only noticed: an object of a class of our own is made when a window
 * begins and must have been recorded, another one when a mark is taken and must still have its id.
 *
 * While V8 tracks, the inspector runs a timer of its own, which would keep the process from ending. So a quiet timer
 * looks whether anything else is left to wait for, and if not, the recording ends there.
 */
import type { ObjectMark, ObjectTracking } from '../../heap/exact.js';
import type { ObjectGraph } from '../../heap/graph/object-graph.js';
import type { SurvivorGroup } from '../../heap/retainers.js';
import type { SourceSnapshot } from '../../heap/snapshot.js';
import { exactSnapshot, isInstance, wasTraced } from './exact-sites.js';
import { HeapAnalysis } from './heap-analysis.js';
import { HeapFile } from './heap-file.js';
import { openSession, post, type Session } from './inspector-session.js';
import { ScriptLines } from './script-lines.js';
import type { FrameRules } from './trim.js';
import { Unoptimized } from './unoptimized.js';

export interface ObjectTrackingOptions extends FrameRules {
  /** Frames shown of a stack; default 8. */
  readonly stackDepth?: number;
}

class OtraceWindow {}
class OtraceMark {}

const IDLE_CHECK_MS = 25;
/** Standard streams are listed as if something waited for them. */
const STREAMS = 3;

export class V8ObjectTracking implements ObjectTracking {
  readonly #options: ObjectTrackingOptions;
  readonly #lines = new ScriptLines();
  #session: Session | undefined;
  #unoptimized: Unoptimized | undefined;
  #witness: OtraceWindow | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #cancelled = false;

  constructor(options: ObjectTrackingOptions) {
    this.#options = options;
  }

  begin(onIdle: () => void): string | undefined {
    if (this.#session !== undefined) return 'another exact window is open, and V8 records for one';
    const session = openSession();
    if (typeof session === 'string') return session;
    const unoptimized = new Unoptimized(session);
    const { error } = post(session, 'HeapProfiler.startTrackingHeapObjects', { trackAllocations: true });
    if (error !== undefined) {
      unoptimized.end();
      session.disconnect();
      return `V8 did not start to record allocations (${error.message})`;
    }
    this.#session = session;
    this.#unoptimized = unoptimized;
    this.#cancelled = false;
    this.#witness = new OtraceWindow();
    this.#watchIdle(onIdle);
    return undefined;
  }

  end(top: number): SourceSnapshot | string {
    if (this.#cancelled) return 'the process had nothing left to wait for before the window ended';
    const analysis = this.#take(true);
    return typeof analysis === 'string' ? analysis : this.#snapshotOf(analysis, top);
  }

  peek(top: number): SourceSnapshot | string {
    const analysis = this.#take(false);
    return typeof analysis === 'string' ? analysis : this.#snapshotOf(analysis, top);
  }

  cancel(): void {
    this.#cancelled = true;
    this.#stop();
  }

  mark(): ObjectMark | string {
    const witness = new OtraceMark();
    const { graph } = this.#heapFile().parse();
    let lastId = 0;
    let witnessId = -1;
    for (let node = 0; node < graph.nodeCount; node++) {
      const id = graph.idOf[node]!;
      // Objects of V8 have odd ids; native memory has even ones, which are hashes.
      if (id % 2 === 1 && id > lastId) lastId = id;
      if (isInstance(graph, node, OtraceMark.name)) witnessId = Math.max(witnessId, id);
    }
    if (witnessId < 0) return 'V8 gave no picture of the heap that a later one can be compared with';
    return { lastId, witness, witnessId };
  }

  survivors(mark: ObjectMark, top: number): readonly SurvivorGroup[] | string {
    const analysis = new HeapAnalysis(this.#heapFile().parse(), this.#options);
    if (!isCurrent(analysis.graph, mark)) {
      return 'the ids of the mark are gone, because another inspector session has ended (heap.exact, heap.disable, an agent); call heap.mark() again';
    }
    return analysis.survivorsSince(mark.lastId, top);
  }

  #heapFile(): HeapFile {
    this.#lines.count();
    return new HeapFile();
  }

  #take(final: boolean): HeapAnalysis | string {
    if (this.#session === undefined || this.#witness === undefined) return 'the window is not open';
    let file: HeapFile;
    try {
      file = this.#heapFile();
    } finally {
      if (final) this.#stop();
    }
    const parsed = file.parse();
    if (!wasTraced(parsed.graph, OtraceWindow.name)) {
      this.#stop();
      return 'another tool has ended the recording (an inspector session that was closed, a profiling agent); run without it';
    }
    return new HeapAnalysis(parsed, this.#options);
  }

  #snapshotOf(analysis: HeapAnalysis, top: number): SourceSnapshot {
    return exactSnapshot(analysis, this.#options, this.#options.stackDepth ?? 8, top);
  }

  #stop(): void {
    clearInterval(this.#idleTimer);
    this.#witness = undefined;
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined) return;
    // Not HeapProfiler.stopTrackingHeapObjects: it would make a snapshot that nobody reads.
    post(session, 'HeapProfiler.disable', {});
    this.#unoptimized?.end();
    session.disconnect();
  }

  #watchIdle(onIdle: () => void): void {
    let wasIdle = false;
    this.#idleTimer = setInterval(() => {
      const idle = nothingToWaitFor();
      if (idle && wasIdle) {
        onIdle();
        this.cancel();
      }
      wasIdle = idle;
    }, IDLE_CHECK_MS).unref();
  }
}

/** Whether objects still have the ids that they had at the mark. */
function isCurrent(graph: ObjectGraph, { witnessId }: ObjectMark): boolean {
  for (let node = 0; node < graph.nodeCount; node++) {
    if (graph.idOf[node] === witnessId) return isInstance(graph, node, OtraceMark.name);
  }
  return false;
}

/** Without native work such as hashing in the thread pool, which Node does not list. */
function nothingToWaitFor(): boolean {
  const resources = process.getActiveResourcesInfo();
  const streams = resources.filter((name) => name === 'TTYWrap' || name === 'PipeWrap').length;
  return resources.length === streams && streams <= STREAMS;
}
