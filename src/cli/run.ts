/**
 * `otrace run [options] -- app.js args`: starts the program with the hooks preloaded, passes its exit code or signal
 * on, and shows the leak table when it has ended. The tracing is done in the program's process
 * (`node/run-session.ts`); this one only waits.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, InvalidArgumentError } from 'commander';
import { OtraceError } from '../errors.js';
import { SOURCE_NAMES } from '../heap/snapshot.js';
import { RUN_VARIABLE, TIMELINE_NAMES, type TimelineName, writeRunOptions } from '../node/run-options.js';
import { say } from '../node/warn.js';
import { Rotation } from '../output/rotation.js';
import { SHAPES } from '../sources/wasm/allocation-hook.js';
import { bytecodeFolder } from './bytecode-folder.js';
import { parseDuration } from './duration.js';
import { LeftBehind } from './left-behind.js';
import { nodeCommand } from './node-command.js';
import { runProgram } from './program.js';
import { parseSize } from './size.js';
import { everyBytes, whole } from './trace-options.js';

interface RunFlags {
  readonly heap: string;
  readonly sample: number;
  readonly every: string;
  readonly jsTotals?: true;
  readonly bufferStacks: string;
  readonly depth: number;
  readonly out: string;
  readonly maxFile: string;
  readonly top: number;
  readonly reportEvery: number;
  readonly wasmAlloc?: string;
  readonly wasmContext: boolean;
  readonly quiet?: true;
  readonly inline: boolean;
  readonly exact?: true;
  readonly retainers?: true;
  readonly growth: boolean;
  readonly gc: boolean;
  readonly userTiming: boolean;
  readonly http: boolean;
  readonly httpAll?: true;
  readonly eventLoop: boolean;
}

/**
 * V8 counts an inlined function's allocations for its caller, and those folded into one with a neighbour at the
 * wrong size.
 */
const EXACT_SITES = ['--no-turbo-inlining', '--no-maglev-inlining', '--no-turbo-allocation-folding'];

const AFTER = `
Examples:
  otrace run -- app.js --port 8080
  otrace run --every 512KiB --out traces/run-%03u.json.gz -- node --max-old-space-size=512 server.mjs

While it runs, SIGUSR2 writes a report. The table goes to stderr: stdout is the program's.
Exit codes: the program's own, or its signal; 2 when it could not be started.`;

/** Gives the verb its arguments, options and action. */
export function define(command: Command): void {
  command
    .usage('[options] -- app.js [args...]')
    .passThroughOptions()
    .argument('[program...]', 'a script and its arguments; or node, its flags, the script ...')
    .option('--heap <sources>', `heaps to trace: ${SOURCE_NAMES.join(',')}`, 'js,wasm,buffers,manual')
    .option('--sample <p>', 'share of counted allocations whose stack is kept, 0 to 1', probability, 1)
    .option('--every <size>', 'mean bytes between two samples of the JavaScript heap', '32KiB')
    .option('--js-totals', 'what JavaScript sites ever allocated, too (needs Node 26 and @datadog/pprof)')
    .option('--buffer-stacks <size>', 'keep every stack of buffers from this size on', '4KiB')
    .option('--depth <n>', 'frames of a stack', whole(1, 128), 8)
    .option(
      '--out <path>',
      'trace file, .gz compresses; or a pattern with an index, as run-%03u.json',
      'trace.json',
    )
    .option('--max-file <size>', 'most bytes on disk of a trace that is a single file', '1GiB')
    .option('--top <n>', 'groups in each report', whole(1, 10_000), 10)
    .option('--report-every <time>', 'also report while the program runs', parseDuration, 0)
    .option('--wasm-alloc <names>', 'allocator of a WebAssembly module, as malloc=xa,free=ya', allocatorNames)
    .option('--no-wasm-context', 'leave WebAssembly code as it is but for its allocator')
    .option('--no-inline', 'switch V8 inlining off: exact sites, slower program')
    .option(
      '--exact',
      'record every allocation of the JavaScript heap: some 50 times slower, and why leaks live',
    )
    .option('--retainers', 'say what the program left in the JavaScript heap, and why it is alive')
    .option('--no-growth', 'no checkpoints while it runs, which force garbage collections')
    .option('--no-gc', 'leave garbage collections out of the timeline')
    .option('--no-user-timing', 'leave performance.mark and measure out')
    .option('--no-http', 'leave HTTP requests out')
    .option(
      '--http-all',
      'every HTTP request; otherwise, beyond 1,000 a second, a share and all slow or failed ones',
    )
    .option('--no-event-loop', 'leave event-loop stalls out')
    .option('--quiet', 'print nothing')
    .addHelpText('after', AFTER)
    .action(async (program: string[], flags: RunFlags) => {
      await run(program, flags);
    });
}

async function run(program: readonly string[], flags: RunFlags): Promise<void> {
  const every = everyBytes(flags.every);
  const heap = sources(flags.heap);
  const maxFileBytes = parseSize(flags.maxFile, '--max-file');
  if (flags.out.includes('%')) new Rotation(flags.out, {}); // throws for a pattern without an index
  const command = nodeCommand(program, hooksPath(), flags.inline ? [] : EXACT_SITES);
  const folder = mkdtempSync(join(tmpdir(), 'otrace-'));
  const resultFile = join(folder, 'result.json');
  const environment = {
    OTRACE_OUT: flags.out,
    OTRACE_HEAP: heap,
    OTRACE_HEAP_SAMPLE: String(flags.sample),
    OTRACE_HEAP_STACK_DEPTH: String(flags.depth),
    OTRACE_HEAP_EVERY: String(every),
    ...(flags.jsTotals && { OTRACE_HEAP_JS_TOTALS: '1' }),
    OTRACE_HEAP_BUFFER_STACKS: String(parseSize(flags.bufferStacks, '--buffer-stacks')),
    OTRACE_HEAP_WASM_CONTEXT: flags.wasmContext ? '1' : '0',
    ...(flags.wasmAlloc !== undefined && { OTRACE_HEAP_WASM_ALLOC: flags.wasmAlloc }),
    [RUN_VARIABLE]: writeRunOptions({
      top: flags.top,
      reportEverySeconds: flags.reportEvery / 1000,
      maxFileBytes,
      exact: flags.exact === true,
      retainers: flags.retainers === true && flags.exact !== true, // an exact report says it of its leaks
      checkpoints: flags.growth && flags.exact !== true, // which would take a heap snapshot each
      timeline: TIMELINE_NAMES.filter((part) => wants(flags, part)),
      httpAll: flags.httpAll === true,
      resultFile,
      bytecodeFolder: bytecodeFolder(),
    }),
  };
  try {
    if (!flags.quiet) say(`otrace: tracing ${command.shown} (heap: ${heap}) to ${flags.out}\n`);
    const left = new LeftBehind(flags.out);
    const [end, result] = await Promise.all([
      runProgram(command, environment),
      flags.quiet ? undefined : import('./run-result.js'), // while the program runs
    ]);
    await result?.showResult(resultFile, left, flags.top, end);
    end.passOn();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The hooks as CommonJS: `--require` also reaches workers, and runs before any module of the program. */
function hooksPath(): string {
  return fileURLToPath(new URL('../cjs/hooks.js', import.meta.url));
}

function wants(flags: RunFlags, part: TimelineName): boolean {
  switch (part) {
    case 'gc':
      return flags.gc;
    case 'user-timing':
      return flags.userTiming;
    case 'http':
      return flags.http;
    case 'event-loop':
      return flags.eventLoop;
  }
}

function sources(text: string): string {
  const names = text.split(',').map((name) => name.trim());
  const wrong = names.find((name) => !(SOURCE_NAMES as readonly string[]).includes(name));
  if (wrong === undefined) return names.join(',');
  throw new OtraceError(
    'OTRACE_BAD_OPTION',
    `--heap does not know ${JSON.stringify(wrong)}; it takes a list of ${SOURCE_NAMES.join(', ')}`,
  );
}

function allocatorNames(text: string): string {
  const known = Object.keys(SHAPES);
  for (const pair of text.split(',')) {
    const [role = '', name = ''] = pair.trim().split('=');
    if (!known.includes(role) || name === '') {
      throw new InvalidArgumentError(
        `It must be roles and names, as malloc=xa,free=ya; roles are ${known.join(', ')}.`,
      );
    }
  }
  return text;
}

function probability(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || Number.isNaN(value))
    throw new InvalidArgumentError('It must be a number from 0 to 1.');
  return Math.min(1, Math.max(0, value));
}
