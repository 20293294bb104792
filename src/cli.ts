/**
 * The command line: finds the verb, loads its file and no other, and turns errors into one line on stderr and an
 * exit code. A verb is one line in `VERBS` and one file that exports `define(command)`.
 *
 * Results go to stdout, everything else to stderr.
 */
import { Command, CommanderError } from 'commander';
import { EXIT } from './cli/exit-codes.js';

/** Put in by the build; absent when the sources run as they are. */
declare const OTRACE_VERSION: string | undefined;

interface Verb {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<{ readonly define: (command: Command) => void }>;
}

const VERBS: readonly Verb[] = [
  {
    name: 'run',
    summary: 'run a Node program and leave a trace with its leak report',
    load: () => import('./cli/run.js'),
  },
  {
    name: 'attach',
    summary: 'trace the heap of a Node process or a page that already runs',
    load: () => import('./cli/attach.js'),
  },
  {
    name: 'report',
    summary: 'print the leak report and the live-bytes history of a trace',
    load: () => import('./cli/report.js'),
  },
  {
    name: 'merge',
    summary: 'join the traces of several processes on one clock',
    load: () => import('./cli/merge.js'),
  },
];

const BAD_INPUT = new Set(['OTRACE_INPUT', 'OTRACE_BAD_OPTION', 'OTRACE_PROGRAM', 'OTRACE_ATTACH']);

const EXIT_CODES = `
Exit codes: 0 success; 1 failed, or a limit was exceeded; 2 bad usage, or input that can't be read.
Results are written to stdout, everything else to stderr.`;

async function main(args: readonly string[]): Promise<void> {
  const program = new Command('otrace')
    .description('Trace recorder and heap tracer: one Perfetto file that says who leaks what.')
    .version(typeof OTRACE_VERSION === 'undefined' ? 'unbuilt' : OTRACE_VERSION, '--version')
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(oneLine(text, args[0])) })
    .addHelpText('after', EXIT_CODES);
  const wanted = args[0] === 'help' ? args[1] : args[0];
  for (const verb of VERBS) {
    // Sub-commands take over the settings made so far.
    const command = program.command(verb.name).description(verb.summary);
    if (wanted === verb.name) (await verb.load()).define(command);
  }
  await program.parseAsync(args, { from: 'user' });
}

/** commander's `error: ... \n(Did you mean x?)` in the form of all messages here. */
function oneLine(text: string, verb: string | undefined): string {
  const [problem = '', hint = ''] = text.replace(/^error: /, '').split('\n');
  const [, likely] = /^\(Did you mean (.+)\?\)$/.exec(hint) ?? [];
  const command = VERBS.some(({ name }) => name === verb) ? `otrace ${verb}` : 'otrace';
  const remedy = likely === undefined ? `see "${command} --help"` : `did you mean "${likely}"?`;
  return `otrace: ${problem.replace(/\.$/, '')}; ${remedy}\n`;
}

/** Says what went wrong and gives the exit code for it. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.badInput;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const isOurs = typeof code === 'string' && code.startsWith('OTRACE_');
  const text = isOurs ? (error as Error).message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`otrace: ${text}\n`);
  return BAD_INPUT.has(String(code)) ? EXIT.badInput : EXIT.failed;
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Who reads the output may stop when it has enough: `otrace report FILE | head`.
  if (error.code === 'EPIPE') process.exit();
  process.stderr.write(
    `otrace: the results could not be written (${error.message}); check the disk or the pipe\n`,
  );
  process.exit(EXIT.failed);
});

main(process.argv.slice(2)).catch((error: unknown) => {
  process.exitCode = exitCodeOf(error);
});
