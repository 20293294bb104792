/** `otrace report FILE`: the leak report and the live-bytes history of a trace, as a page or as JSON. */
import { type Command, InvalidArgumentError } from 'commander';
import { readTraceReport } from '../reading/trace-report.js';
import { EXIT } from './exit-codes.js';
import { renderPage } from './report-page.js';
import { terminalOf } from './terminal.js';

const DEFAULT_TOP = 10;

interface ReportFlags {
  readonly top: number;
  readonly json?: true;
}

/** Gives the verb its arguments, options and action. */
export function define(command: Command): void {
  command
    .argument('<file>', 'a Chrome trace: JSON, plain or gzip, whole or cut short')
    .option('--top <n>', 'rows of each table', parseTop, DEFAULT_TOP)
    .option('--json', 'everything that was read, for machines (docs/reading-traces.md)')
    .addHelpText('after', '\nExit codes: 0 read, even if damaged; 2 nothing could be read, or bad usage.')
    .action(async (file: string, flags: ReportFlags) => {
      const report = await readTraceReport(file);
      process.stdout.write(
        flags.json
          ? `${JSON.stringify(report)}\n`
          : renderPage(report, {
              ...terminalOf(process.stdout),
              top: flags.top,
              baseDirectory: process.cwd(),
            }),
      );
      if (report.eventCount === 0) process.exitCode = EXIT.badInput;
    });
}

function parseTop(text: string): number {
  const top = Number(text);
  if (!Number.isInteger(top) || top < 1) throw new InvalidArgumentError('It must be a whole number from 1.');
  return top;
}
