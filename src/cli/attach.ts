/**
 * `otrace attach PID` and `otrace attach ADDRESS`: samples the JavaScript heap of a program that already runs, and
 * leaves the same trace with the same report as `otrace run`. The program is reached through its inspector; nothing of
 * otrace is loaded into it, and it is left as it was.
 *
 * Only the `js` heap: the others are seen by hooks, which a running program does not have.
 */
import type { Command } from 'commander';
import { OtraceError } from '../errors.js';
import { heapEvents } from '../heap/heap-events.js';
import { HeapTracer } from '../heap/tracer.js';
import { say, warn } from '../node/warn.js';
import { FileOutput } from '../output/file-output.js';
import { Rotation } from '../output/rotation.js';
import { Clock } from '../recorder/clock.js';
import { Recorder } from '../recorder/recorder.js';
import { ManualSource } from '../sources/manual.js';
import { RemoteV8Source, type RemoteV8SourceOptions } from '../sources/v8/remote-source.js';
import { type Address, parseAddress } from './attach/address.js';
import { AttachedThreads } from './attach/attached-threads.js';
import { Connection } from './attach/connection.js';
import { Ending, type Outcome, observe } from './attach/observation.js';
import type { ProtocolSession } from './attach/protocol-session.js';
import { closeInspector, type ReachedProcess, reachProcess } from './attach/running-process.js';
import { ScriptMaps } from './attach/script-maps.js';
import { frameRules, type Target, targetOf } from './attach/target.js';
import { chooseTarget, type ListedTarget, listTargets } from './attach/target-list.js';
import { watchThreads } from './attach/thread-sessions.js';
import { parseDuration } from './duration.js';
import { EXIT } from './exit-codes.js';
import { everyBytes, whole } from './trace-options.js';
import { showTrace } from './trace-summary.js';

interface AttachFlags {
  readonly for: number;
  readonly reportEvery: number;
  readonly every?: string;
  readonly depth: number;
  readonly out: string;
  readonly top: number;
  readonly page?: string;
  readonly fetchMaps?: true;
  readonly quiet?: true;
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/i;

const DEFAULT_EVERY = '32KiB';
/** Each costs a program with deep stacks 10 to 20 us. */
const MOST_SAMPLES_PER_SECOND = 1_000;

const AFTER = `
Examples:
  otrace attach 4321
  otrace attach --for 10min --every 512KiB 4321
  otrace attach --page shop 127.0.0.1:9222

A Node process is told by SIGUSR1 to open its inspector (on the loopback interface); it is closed again at the end.
Now and then what is live is noted, to tell what grows; each time costs the program a full garbage collection, together
at most 2 % of its time.
Exit codes: 0 a report was written, also after Ctrl-C and when the program ended; 1 the program was lost before a
profile was taken, or the trace could not be written; 2 not attached: bad usage, no such process, not Node, refused.`;

/** Gives the verb its arguments, options and action. */
export function define(command: Command): void {
  command
    .usage('[options] <pid | host:port | ws://...>')
    .argument(
      '<target>',
      'a process id; or where an inspector listens: host:port, http://host:port, ws://...',
    )
    .option('--for <time>', 'how long; Ctrl-C ends it early', parseDuration, 60_000)
    .option('--report-every <time>', 'also report while it lasts', parseDuration, 0)
    .option(
      '--every <size>',
      'mean bytes between two samples of the JavaScript heap (default: 32KiB, more in a program that allocates much)',
    )
    .option('--depth <n>', 'frames of a stack', whole(1, 128), 8)
    .option(
      '--out <path>',
      'trace file, .gz compresses; or a pattern with an index, as run-%03u.json',
      'trace.json',
    )
    .option('--top <n>', 'groups in each report', whole(1, 10_000), 10)
    .option('--page <text>', 'part of the title or address of the page meant, where there are several')
    .option(
      '--fetch-maps',
      'fetch source maps of a page from any host; otherwise only from its own on this machine',
    )
    .option('--quiet', 'print nothing')
    .addHelpText('after', AFTER)
    .action(async (address: string, flags: AttachFlags) => {
      process.exitCode = await attach(parseAddress(address), flags);
    });
}

async function attach(address: Address, flags: AttachFlags): Promise<number> {
  const every = everyBytes(flags.every ?? DEFAULT_EVERY);
  if (flags.out.includes('%')) new Rotation(flags.out, {}); // throws for a pattern without an index
  const ending = new Ending();
  try {
    const reached = await reach(address, flags.page);
    try {
      ending.watch(reached.connection);
      const target = await targetOf(reached.connection);
      const trace = recorderFor(target, flags.out);
      const outcome = await sample(reached.connection, { ending, target, trace, every, address }, flags);
      await leave(address, reached); // the program need not wait for our table
      return await finish(target, trace, outcome, flags);
    } finally {
      await leave(address, reached);
    }
  } finally {
    ending.forget();
  }
}

interface Sampling {
  readonly ending: Ending;
  readonly target: Target;
  readonly trace: Recorder;
  readonly every: number;
  readonly address: Address;
}

async function sample(
  connection: Connection,
  { ending, target, trace, every, address }: Sampling,
  flags: AttachFlags,
): Promise<Outcome> {
  const isHere = isLocal(address);
  const tell = onceEach(warn);
  const maps = new ScriptMaps({ isLocal: isHere, fetchAll: flags.fetchMaps === true, warn: tell });
  const rules = frameRules(target, isHere, maps);
  const optionsFor = (session: ProtocolSession): RemoteV8SourceOptions => ({
    ...rules,
    everyBytes: every,
    ...(flags.every === undefined && { mostSamplesPerSecond: MOST_SAMPLES_PER_SECOND }),
    stackDepth: flags.depth,
    mayBeginAnew: target.kind === 'page' && session === connection,
    prepareTarget: () => maps.survey(session),
    prepareFrames: (scripts) => maps.learn([...scripts].filter(rules.isMapElsewhere), session),
    warn: tell,
  });
  const threads = new AttachedThreads(optionsFor);
  const heap = new HeapTracer(heapEvents(trace), {
    manual: (host) => new ManualSource(host),
    warn: (line) => say(`${line}\n`),
    threads,
  });
  const source = new RemoteV8Source(connection, optionsFor(connection));
  heap.attach(source);
  const pace = { forMs: flags.for, reportEveryMs: flags.reportEvery, top: flags.top };
  const unwatch = await watchThreads(connection, target.kind, threads);
  const outcome = await observe({ connection, ending, source, threads, trace, heap }, pace, () => {
    if (flags.quiet) return;
    const who = target.kind === 'node' ? `pid ${target.pid}, ${target.description}` : target.description;
    say(`otrace: attached to ${target.name} (${who}) for ${flags.for / 1000} s, to ${flags.out}; `);
    say('Ctrl-C ends it early\n');
  });
  // Where it fails the target is gone, and its samplers with it.
  await Promise.all([source.stop(), threads.stop()]).catch(() => {});
  await unwatch().catch(() => {});
  return outcome;
}

async function finish(
  target: Target,
  trace: Recorder,
  outcome: Outcome,
  flags: AttachFlags,
): Promise<number> {
  const result = trace.flush();
  if (outcome.end === 'target-gone') {
    warn(
      !outcome.reported
        ? 'the target went away before a profile was taken; there is no report'
        : 'the target went away; the last report is of the last profile before that',
    );
  } else if (outcome.end === 'target-ended' && !flags.quiet) {
    say('otrace: the program has ended; the last report shows what was live then\n');
  }
  if (!result.written) return EXIT.failed;
  if (!flags.quiet) await showTrace(result, flags.top, target.kind === 'node' ? target.base : '');
  return outcome.reported ? EXIT.ok : EXIT.failed;
}

async function reach(address: Address, page: string | undefined): Promise<ReachedProcess> {
  switch (address.kind) {
    case 'process':
      return reachProcess(address.pid);
    case 'socket':
      return { connection: await Connection.open(address.url), openedPort: undefined };
    case 'port': {
      const { host, port } = address;
      const url = chooseTarget(await targetsAt(host, port), page);
      return { connection: await Connection.open(url), openedPort: undefined };
    }
  }
}

async function targetsAt(host: string, port: number): Promise<readonly ListedTarget[]> {
  try {
    return await listTargets(host, port);
  } catch (error) {
    throw new OtraceError(
      'OTRACE_ATTACH',
      `no inspector answers at ${host}:${port} (${(error as Error).message}); start the program with --inspect=${port}, or Chrome with --remote-debugging-port=${port}`,
    );
  }
}

/** Ends the connection; a second call does nothing. */
async function leave(address: Address, reached: ReachedProcess): Promise<void> {
  if (reached.connection.isClosing) return;
  const left = address.kind === 'process' ? await closeInspector(address.pid, reached) : undefined;
  if (left !== undefined) warn(left);
  reached.connection.close();
}

/** Events are ours, but they are about the target, so they stand under its process. */
function recorderFor(target: Target, out: string): Recorder {
  const pid = target.kind === 'node' ? target.pid : process.pid;
  const trace = new Recorder({
    clock: new Clock(performance),
    output: new FileOutput(warn),
    pid,
    tid: pid,
    threadName: 'main',
    warn,
  });
  if (out.includes('%')) trace.setOutputPattern(out);
  else trace.setOutputPath(out);
  trace.setProcessName(target.name);
  trace.enable();
  return trace;
}

/** Says nothing twice: several threads may have the same to say. */
function onceEach(say: (message: string) => void): (message: string) => void {
  const said = new Set<string>();
  return (message) => {
    if (!said.has(message)) say(message);
    said.add(message);
  };
}

/** Whether files of the target may be files here. */
function isLocal(address: Address): boolean {
  switch (address.kind) {
    case 'process':
      return true;
    case 'port':
      return LOOPBACK.test(address.host);
    case 'socket':
      return LOOPBACK.test(new URL(address.url).hostname);
  }
}
