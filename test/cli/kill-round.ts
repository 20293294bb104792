/**
 * One program that is killed at a moment of our choice, and what is left of it: what it had recorded by then, from a
 * file that it kept itself, against what is in its trace.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readTrace } from '../../src/reading/read-trace.js';
import type { TraceEvent } from '../../src/reading/trace-event.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const CLI = join(root, 'dist/cjs/cli.js');
const PACKAGE = join(root, 'dist/cjs/index.js');

/** What the program does: one thing every few milliseconds, many, never come back to the event loop, or in a worker. */
export const KILLED_MODES = ['ticks', 'flood', 'blocked', 'worker'] as const;
export type KilledMode = (typeof KILLED_MODES)[number];

/** What was killed: the program under `otrace run`, that and `otrace` itself, or a program that uses the API. */
export const KILLED_WAYS = ['run', 'run and parent', 'api'] as const;
export type KilledWay = (typeof KILLED_WAYS)[number];

export interface KillRound {
  readonly mode: KilledMode;
  readonly way: KilledWay;
  /** Name of the output; with an index for numbered files. */
  readonly out: string;
  /** When to kill, counted from its first event. */
  readonly afterMs: number;
}

export interface KillOutcome {
  /** Events that the program had recorded before it was killed. */
  readonly recorded: number;
  /** Numbers of those in the trace, in its order. */
  readonly found: readonly number[];
  /** How long before the end the oldest event that is missing was recorded, in milliseconds; 0 when none is. */
  readonly oldestMissingMs: number;
  /** Whether each file is JSON as it lies there. */
  readonly isJson: boolean;
  readonly stderr: string;
}

/** Its ledger: the number and the time of each event, written before the event is recorded. */
const PROGRAM = `
const fs = require('node:fs');
const { Worker, isMainThread } = require('node:worker_threads');
const [mode, out, way] = process.argv.slice(2);
const { trace } = require(${JSON.stringify(PACKAGE)});
if (way === 'api' && isMainThread) {
  if (out.includes('%')) trace.setOutputPattern(out, { durable: true, maxBytes: 200000, maxFiles: 100000 });
  else trace.setOutputPath(out, { durable: true });
  trace.enable();
}
const ledger = fs.openSync('ledger', 'a');
let n = 0;
function tick() {
  const entry = Buffer.alloc(16);
  entry.writeDoubleLE(n, 0);
  entry.writeDoubleLE(trace.clock.nowUs(), 8);
  fs.writeSync(ledger, entry);
  trace.instant('tick', { n });
  n++;
}
function begin() {
  if (mode === 'ticks' || mode === 'worker') setInterval(tick, 3);
  else if (mode === 'flood') setInterval(() => { for (let i = 0; i < 500; i++) tick(); }, 1);
  else for (;;) { tick(); const until = trace.clock.nowUs() + 2000; while (trace.clock.nowUs() < until); }
}
if (isMainThread) fs.writeFileSync('pid', String(process.pid));
if (mode === 'worker' && isMainThread) {
  new Worker(__filename, { argv: process.argv.slice(2) });
  setInterval(() => {}, 1000);
} else {
  begin();
}
`;

export async function killRound({ mode, way, out, afterMs }: KillRound): Promise<KillOutcome> {
  const folder = mkdtempSync(join(tmpdir(), 'otrace-kill-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{}\n');
    writeFileSync(join(folder, 'program.js'), PROGRAM);
    const program = ['program.js', mode, out, way];
    const { NODE_OPTIONS: _, ...inherited } = process.env;
    const child = spawn(
      process.execPath,
      way === 'api' ? program : [CLI, 'run', '--out', out, '--', ...program],
      { cwd: folder, env: { ...inherited, NO_COLOR: '1' }, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let stderr = '';
    child.stderr!.on('data', (chunk) => {
      stderr += chunk;
    });
    const ended = once(child, 'close');
    const [ledger, told] = [join(folder, 'ledger'), join(folder, 'pid')];
    while (sizeOf(ledger) === 0 || sizeOf(told) === 0) await pause(5);
    await pause(afterMs);
    if (way === 'run and parent') child.kill('SIGKILL');
    process.kill(Number(readFileSync(told, 'utf8')), 'SIGKILL');
    await ended;
    return await outcomeOf(folder, out, stderr);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function outcomeOf(folder: string, out: string, stderr: string): Promise<KillOutcome> {
  const bytes = readFileSync(join(folder, 'ledger'));
  const recorded = Math.floor(bytes.length / 16);
  const timeUs = (n: number): number => bytes.readDoubleLE(16 * n + 8);
  const [before = '', after = ''] = out.split('%03u');
  const isOurs = (name: string): boolean => name.startsWith(before) && name.endsWith(after);
  // Not the temporary name of a file that had no event yet.
  const files = out.includes('%') ? readdirSync(folder).filter(isOurs) : [out];
  const found: number[] = [];
  let isJson = true;
  for (const name of files.sort()) {
    const path = join(folder, name);
    if (!existsSync(path)) continue;
    const { damage } = await readTrace(path, (event: TraceEvent) => {
      if (event['name'] === 'tick') found.push((event['args'] as { n: number }).n);
    });
    isJson &&= damage === null;
  }
  const known = new Set(found);
  let oldest = 0;
  while (oldest < recorded && known.has(oldest)) oldest++;
  const oldestMissingMs = oldest < recorded ? (timeUs(recorded - 1) - timeUs(oldest)) / 1000 : 0;
  return { recorded, found, oldestMissingMs, isJson, stderr };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
