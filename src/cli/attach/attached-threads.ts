/**
 * The heaps of the program's other threads while we are attached: each is sampled as the main thread's is, and the
 * tracer lays them together as it does for threads of its own process (`heap/thread-heaps.ts`).
 *
 * A thread that sleeps (`Atomics.wait`) or is busy with a collection answers late or never. So nothing waits for one
 * longer than `PATIENCE_MS`: it is shown as it was last, and a line of the report says so.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { EndedHeaps } from '../../heap/ended-heaps.js';
import type { SourceSnapshot } from '../../heap/snapshot.js';
import type { OtherHeaps, ThreadHeaps } from '../../heap/thread-heaps.js';
import { RemoteV8Source, type RemoteV8SourceOptions } from '../../sources/v8/remote-source.js';
import type { ProtocolSession } from './protocol-session.js';
import type { AttachedThread, ThreadListener } from './thread-sessions.js';

const PATIENCE_MS = 1_000;

/** How the heap of a thread is read: by what it runs, and its session. */
export type ThreadOptions = (session: ProtocolSession) => RemoteV8SourceOptions;

interface Running {
  /** What it runs, as rows show it. */
  readonly name: string;
  readonly source: RemoteV8Source;
  /** The last that was asked of it; resolves whatever becomes of it. */
  answer: Promise<void>;
  isAnswering: boolean;
  last: { readonly takenMs: number; readonly snapshot: SourceSnapshot } | undefined;
}

export class AttachedThreads implements ThreadHeaps, ThreadListener {
  readonly #optionsFor: ThreadOptions;
  readonly #running = new Map<ProtocolSession, Running>();
  readonly #ended = new EndedHeaps();

  constructor(optionsFor: ThreadOptions) {
    this.#optionsFor = optionsFor;
  }

  started({ session, script }: AttachedThread): void {
    const options = this.#optionsFor(session);
    const source = new RemoteV8Source(session, options);
    const name = options.displayPath(script) || '(no script)';
    const thread: Running = {
      name,
      source,
      answer: Promise.resolve(),
      isAnswering: false,
      last: undefined,
    };
    this.#running.set(session, thread);
    this.#ended.started(name, [...this.#running.values()].filter((each) => each.name === name).length);
    ask(thread, () => source.start());
  }

  ended(session: ProtocolSession): void {
    const thread = this.#running.get(session);
    if (thread === undefined) return;
    this.#running.delete(session);
    const { name, last } = thread;
    const sources = last === undefined ? [] : [last.snapshot];
    const ageUs = last === undefined ? undefined : (performance.now() - last.takenMs) * 1000;
    this.#ended.add({ thread: name, sources }, ageUs);
  }

  /** What the last profile took that was answered, the longest of all threads. */
  get profileMs(): number {
    return Math.max(0, ...[...this.#running.values()].map(({ source }) => source.profileMs));
  }

  /** Takes what is live in each now, all at the same time. @see RemoteV8Source.refresh */
  refresh(twice: boolean): Promise<void> {
    return this.#askAll(async (thread) => {
      await thread.source.refresh(twice);
      thread.last = { takenMs: performance.now(), snapshot: thread.source.snapshot() };
    });
  }

  /** @see RemoteV8Source.widen */
  widen(): Promise<void> {
    return this.#askAll(({ source }) => source.widen());
  }

  /** Ends sampling in all of them; in one that sleeps it ends with its session. */
  stop(): Promise<void> {
    return this.#askAll(({ source }) => source.stop());
  }

  ask(): void {}

  wait(): void {}

  liveBytes(): { js?: number } {
    const threads = [...this.#running.values()];
    return threads.length === 0
      ? {}
      : { js: threads.reduce((bytes, { source }) => bytes + source.liveBytes(), 0) };
  }

  heaps(): OtherHeaps {
    const running = [...this.#running.values()].flatMap(({ name, last }) =>
      last === undefined ? [] : [{ thread: name, sources: [last.snapshot] }],
    );
    return { running, ended: this.#ended.last, endedTotals: this.#ended.totals, facts: this.#facts() };
  }

  reset(): void {
    this.#ended.reset();
  }

  /** Waits for who answers in time; who owes an answer from before is neither asked nor waited for. */
  async #askAll(what: (thread: Running) => Promise<void>): Promise<void> {
    const asked = [...this.#running.values()].filter(({ isAnswering }) => !isAnswering);
    for (const thread of asked) ask(thread, () => what(thread));
    const timer = new AbortController();
    await Promise.race([
      Promise.all(asked.map(({ answer }) => answer)),
      sleep(PATIENCE_MS, undefined, { signal: timer.signal }).catch(() => {}),
    ]);
    timer.abort();
  }

  #facts(): Record<string, string> {
    const threads = [...this.#running.values()];
    const late = threads.filter(({ isAnswering }) => isAnswering).map(({ name }) => name);
    const facts: Record<string, string> = {};
    if (threads.length > 0)
      facts['threads'] = ['main', ...counted(threads.map(({ name }) => name))].join(', ');
    const ended = this.#ended.counts.map(({ thread, count }) => timesText(thread, count));
    if (ended.length > 0) facts['ended_threads'] = ended.join(', ');
    if (late.length > 0) facts['threads_not_answering'] = counted(late).join(', ');
    return facts;
  }
}

/** One thing after the other is asked of a thread. A thread that is gone refuses all of them, and an event says so. */
function ask(thread: Running, what: () => Promise<void>): void {
  thread.isAnswering = true;
  const answer = thread.answer.then(what).catch(() => {});
  thread.answer = answer;
  void answer.then(() => {
    if (thread.answer === answer) thread.isAnswering = false;
  });
}

/** By name: threads are told of in any order. */
function counted(names: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => timesText(name, count));
}

function timesText(name: string, count: number): string {
  return count > 1 ? `${name} x${count}` : name;
}
