/** `otrace merge FILES... --out F`: the traces of several processes as one, on one clock. */
import type { Command } from 'commander';
import { OtraceError } from '../errors.js';
import { say, warn } from '../node/warn.js';
import { readOrigin } from '../reading/trace-origin.js';
import { formatDuration, plural } from './figures.js';
import { type MergedFile, type MergedTrace, type MergeInput, mergeTraces } from './merged-trace.js';
import { formatBytes } from './size.js';

interface MergeFlags {
  readonly out: string;
  readonly json?: true;
}

const AFTER = `
Example:
  otrace merge trace.json trace-*.json --out all.json.gz

Each process keeps its id; where two files have the same id for different processes, one is renumbered.
Exit codes: 0 merged, even if a file is damaged; 1 the merged file can't be written; 2 a file can't be read.`;

/** Gives the verb its arguments, options and action. */
export function define(command: Command): void {
  command
    .argument('<files...>', 'Chrome traces: JSON, plain or gzip, whole or cut short')
    .option('--out <path>', 'the merged file; .gz compresses', 'merged.json')
    .option('--json', 'say what was merged on stdout, for machines')
    .addHelpText('after', AFTER)
    .action(async (files: readonly string[], flags: MergeFlags) => {
      const merged = await merge(files, flags.out);
      if (flags.json) process.stdout.write(`${JSON.stringify(merged)}\n`);
      else show(merged);
    });
}

async function merge(files: readonly string[], out: string): Promise<MergedTrace> {
  const inputs: MergeInput[] = [];
  const unread: OtraceError[] = [];
  for (const file of new Set(files)) {
    try {
      inputs.push({ file, origin: await readOrigin(file) });
    } catch (error) {
      // A process that was killed may leave a file with nothing in it: no reason to do without the others.
      if (!(error instanceof OtraceError) || error.cause !== undefined) throw error;
      unread.push(error);
    }
  }
  if (inputs.length === 0) throw unread[0]!;
  for (const error of unread) warn(`left out: ${error.message}`);
  const merged = await mergeTraces(inputs, out);
  for (const file of merged.files) warnOf(file, merged);
  return merged;
}

function warnOf({ file, hasAnchor, damage, renumbered }: MergedFile, { files }: MergedTrace): void {
  if (damage !== null) warn(`${file} is damaged: ${damage.message}; what could be read is merged`);
  if (!hasAnchor && files.length > 1) {
    const placed = files.some((each) => each.hasAnchor)
      ? 'it is placed at the start; record with otrace to have it in its place'
      : 'none of the files does, so all are taken to be on one clock';
    warn(`${file} does not say when it was recorded; ${placed}`);
  }
  for (const { from, to } of renumbered) {
    warn(`process ${from} of ${file} is ${to} in the merged file; another file has a process ${from} too`);
  }
}

function show({ path, events, bytes, processes, files }: MergedTrace): void {
  const offsets = files.map(({ offsetUs }) => offsetUs);
  const apart = formatDuration(Math.max(...offsets) - Math.min(...offsets));
  const owners = processes === 1 ? '1 process' : `${processes} processes`;
  say(
    `otrace: wrote ${path} (${plural(events, 'event')} of ${owners} from ${plural(files.length, 'file')}, `,
  );
  say(`started within ${apart}, ${formatBytes(bytes)}); open it at https://ui.perfetto.dev, `);
  say(`or: otrace report ${path}\n`);
}
