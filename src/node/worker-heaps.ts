/**
 * The main thread's side of one report for all threads: keeps the last snapshot of each worker's heaps, asks for fresh
 * ones when a report is made, and waits for them no longer than a second, or three times what they took last.
 *
 * The main thread blocks while it waits: a report is a synchronous call, also at the end of the process. Workers do
 * not need it for an answer. One whose event loop has not turned for a while is not waited for; its last snapshot is
 * used, and the report says how old that is.
 *
 * Not here: when a worker sends snapshots (`heap-publisher.ts`), how they are laid together (`heap/thread-heaps.ts`).
 */
import type { Worker } from 'node:worker_threads';
import { type EndedCount, EndedHeaps } from '../heap/ended-heaps.js';
import { SOURCE_NAMES, type SourceName, type SourceSnapshot } from '../heap/snapshot.js';
import type { OtherHeaps, ThreadHeap, ThreadHeaps } from '../heap/thread-heaps.js';
import { HeapLink } from './heap-link.js';
import type { FromWorker, ThreadChannel } from './thread-channel.js';
import { WorkerSizes } from './worker-sizes.js';

/** How long a worker may take to notice that it is asked: for a report, for a point, before `terminate()`. */
const REPORT_MS = 1000;
const POINT_MS = 50;
const LAST_WORD_MS = 500;
const LONGEST_MS = 10_000;
/** A worker of which nothing is known yet is given so many times as long. */
const UNKNOWN_FACTOR = 2;
/** Workers tell once a second that their loop turns. */
const STALLED_US = 2_500_000;
/** Ended workers that are remembered to tell how many ran at once. */
const MOST_SPANS = 256;
/** Late threads that are named. */
const MAX_NAMED = 5;

/** What was asked for last. */
interface Request {
  readonly number: number;
  readonly what: 'figures' | 'snapshots';
  /** Only these threads are asked. */
  readonly tids?: readonly number[];
}

interface Running {
  readonly tid: number;
  readonly startUs: number;
  /** What it runs; undefined until it says so. */
  thread: string | undefined;
  readonly link: HeapLink;
  last: { readonly takenUs: number; readonly sources: readonly SourceSnapshot[] } | undefined;
  /** Whether `last` is how it was at its end. */
  hasLastWord: boolean;
}

export class WorkerHeaps implements ThreadHeaps {
  readonly #nowUs: () => number;
  readonly #running = new Map<number, Running>();
  readonly #ended = new EndedHeaps();
  /** When the workers were started that have not told of themselves yet. */
  readonly #startsUs = new Map<number, number>();
  /** The last ones that ended. */
  #spans: { readonly thread: string; readonly endUs: number }[] = [];
  readonly #sizes = new WorkerSizes();
  #channel: ThreadChannel | undefined;
  #asked: Request = { number: 0, what: 'figures' };

  constructor(nowUs: () => number) {
    this.#nowUs = nowUs;
  }

  /** REQUIRES: once. */
  connect(channel: ThreadChannel): void {
    this.#channel = channel;
    channel.onMessage((message) => this.#receive(message));
    channel.onEnd((tid) => this.#end(tid));
    channel.onStart((worker, tid) => {
      this.#startsUs.set(tid, this.#nowUs());
      this.#sizes.started(worker, tid);
      this.#askBeforeTerminating(worker, tid, channel);
    });
  }

  ask(what: Request['what']): void {
    this.#channel?.drain();
    if (this.#running.size > 0) this.#request({ number: this.#asked.number + 1, what });
  }

  wait(): void {
    this.#waitForAll(this.#asked.what === 'figures' ? POINT_MS : REPORT_MS);
    this.#channel?.drain();
  }

  liveBytes(): Partial<Record<SourceName, number>> {
    const bytes: Partial<Record<SourceName, number>> = {};
    for (const { link } of this.#running.values()) {
      for (const name of SOURCE_NAMES) bytes[name] = (bytes[name] ?? 0) + link.liveBytes(name);
    }
    return bytes;
  }

  heaps(): OtherHeaps {
    this.#sizes.ask((tid) => this.#running.get(tid)?.last === undefined);
    const running: ThreadHeap[] = [];
    for (const worker of this.#running.values()) {
      if (worker.last !== undefined) running.push({ thread: nameOf(worker), sources: worker.last.sources });
    }
    return { running, ended: this.#ended.last, endedTotals: this.#ended.totals, facts: this.#facts() };
  }

  reset(): void {
    this.#ended.reset();
  }

  #receive({ heap, snapshot }: FromWorker): void {
    if (heap !== undefined) {
      const { tid, link, thread } = heap;
      const known = this.#running.get(tid);
      if (known === undefined)
        this.#running.set(tid, {
          tid,
          startUs: this.#startsUs.get(tid) ?? this.#nowUs(),
          thread,
          link: new HeapLink(link),
          last: undefined,
          hasLastWord: false,
        });
      else this.#name(known, thread);
    }
    if (snapshot !== undefined) {
      const worker = this.#running.get(snapshot.tid);
      if (worker === undefined) return;
      worker.link.taken();
      worker.last = { takenUs: snapshot.takenUs, sources: snapshot.sources };
      worker.hasLastWord = snapshot.final;
      this.#name(worker, snapshot.thread);
    }
  }

  #name(worker: Running, thread: string | undefined): void {
    if (thread === undefined || worker.thread === thread) return;
    worker.thread = thread;
    // One that has not said what it runs may run the same; and some may have ended before this one said so.
    const running = [...this.#running.values()].filter((other) => (other.thread ?? thread) === thread);
    const overlapped = this.#spans.filter((span) => span.thread === thread && span.endUs > worker.startUs);
    this.#ended.started(thread, running.length + overlapped.length);
  }

  #end(tid: number): void {
    this.#startsUs.delete(tid);
    const worker = this.#running.get(tid);
    if (worker === undefined) {
      this.#sizes.ended(tid);
      return;
    }
    this.#running.delete(tid);
    this.#spans = [...this.#spans, { thread: nameOf(worker), endUs: this.#nowUs() }].slice(-MOST_SPANS);
    const { last, hasLastWord } = worker;
    const ageUs = last === undefined ? undefined : hasLastWord ? 0 : this.#nowUs() - last.takenUs;
    const bytes = this.#sizes.bytesOf(tid);
    this.#sizes.ended(tid);
    this.#ended.add({ thread: nameOf(worker), sources: last?.sources ?? [] }, ageUs, bytes);
  }

  /** A terminated worker runs no code of its own any more: what it held is asked for just before. */
  #askBeforeTerminating(worker: Worker, tid: number, channel: ThreadChannel): void {
    const { terminate } = worker;
    const askFirst = (): Promise<number> => {
      channel.drain();
      const tids = channel.withDescendants(tid).filter((each) => this.#running.has(each));
      if (tids.length > 0) {
        this.#request({ number: this.#asked.number + 1, what: 'snapshots', tids });
        this.#waitForAll(LAST_WORD_MS);
        channel.drain();
        for (const asked of this.#askedOnes()) {
          asked.hasLastWord = asked.link.isIdle || asked.link.hasAnswered(this.#asked.number);
        }
      }
      return terminate.call(worker);
    };
    Object.defineProperty(worker, 'terminate', { value: askFirst, configurable: true, writable: true });
  }

  #request(request: Request): void {
    this.#asked = request;
    for (const { link } of this.#askedOnes()) link.ask(request.number, request.what === 'snapshots');
  }

  /** Waits for those that are asked. They work at the same time: time spent waiting for one is spent for all. */
  #waitForAll(acceptMs: number): void {
    const { number, what } = this.#asked;
    const startMs = performance.now();
    for (const { link, last } of this.#askedOnes()) {
      if (link.isIdle || this.#isStalled(link)) continue;
      const patienceMs = last === undefined ? UNKNOWN_FACTOR * acceptMs : acceptMs;
      const answerMs = what === 'figures' ? acceptMs : Math.max(2 * REPORT_MS, 3 * link.snapshotMs);
      link.waitFor(
        number,
        startMs,
        what === 'figures' ? acceptMs : patienceMs,
        Math.min(answerMs, LONGEST_MS),
      );
    }
  }

  #askedOnes(): Running[] {
    const { tids } = this.#asked;
    return [...this.#running.values()].filter(({ tid }) => tids?.includes(tid) ?? true);
  }

  #isStalled(link: HeapLink): boolean {
    return this.#nowUs() - link.aliveUs > STALLED_US;
  }

  #facts(): Record<string, string> {
    const facts: Record<string, string> = {};
    const workers = [...this.#running.values()];
    const counts = new Map<string, number>();
    for (const name of workers.map(nameOf)) counts.set(name, (counts.get(name) ?? 0) + 1);
    if (counts.size > 0) facts['threads'] = ['main', ...[...counts].map(timesText)].join(', ');
    if (this.#ended.counts.length > 0) facts['ended_threads'] = this.#ended.counts.map(endedText).join(', ');
    const late = workers
      .filter(({ link }) => !link.isIdle && !link.hasAnswered(this.#asked.number))
      .map((w) => this.#ageText(w));
    const more = late.length - MAX_NAMED;
    if (more > 0) late.splice(MAX_NAMED, more, `${more} more`);
    if (late.length > 0) facts['threads_not_answering'] = late.join(', ');
    return facts;
  }

  #ageText({ tid, last }: Running): string {
    const name = `worker ${tid - process.pid}`;
    if (last === undefined) return `${name} (nothing known of it${sizeText(this.#sizes.bytesOf(tid))})`;
    const seconds = (this.#nowUs() - last.takenUs) / 1e6;
    return `${name} (as it was ${seconds.toFixed(1)} s before)`;
  }
}

function nameOf({ thread, tid }: Running): string {
  return thread ?? `worker ${tid - process.pid}`;
}

/** What a report misses of threads that ended is said where it may matter. */
function endedText({ thread, count, unknown, unknownBytes, latestUs }: EndedCount): string {
  const notes: string[] = [];
  if (latestUs > 0) notes.push(`known until ${(latestUs / 1e6).toFixed(1)} s before the end`);
  if (unknown > 0) {
    const size = sizeText(unknownBytes > 0 ? unknownBytes : undefined);
    notes.push(`nothing known${unknown === count ? '' : ` of ${unknown}`}${size}`);
  }
  return timesText([thread, count]) + (notes.length > 0 ? ` (${notes.join(', ')})` : '');
}

/** What V8 alone knows. */
function sizeText(heapBytes: number | undefined): string {
  return heapBytes === undefined ? '' : ` but ${heapBytes} bytes of JavaScript heap`;
}

function timesText([thread, count]: readonly [string, number]): string {
  return count > 1 ? `${thread} x${count}` : thread;
}
