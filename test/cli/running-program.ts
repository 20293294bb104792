/** A program under `otrace run`, started as a user would start it: the built command, a real process, real signals. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const CLI = join(root, 'dist/cjs/cli.js');

export interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly cat?: string;
  readonly ts: number;
  readonly dur?: number;
  readonly pid: number;
  readonly tid: number;
  readonly args?: Readonly<Record<string, string | number>>;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder of its own for programs and their traces. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'otrace-run-'));

  constructor() {
    // So that no package.json further up decides what a `.js` file is.
    this.program('package.json', '{}\n');
  }

  /** Writes a program. @returns its name, to be run in this folder */
  program(name: string, code: string): string {
    writeFileSync(join(this.path, name), code);
    return name;
  }

  /** The events of a trace in this folder. */
  events(name = 'trace.json'): readonly TraceEvent[] {
    const bytes = readFileSync(join(this.path, name));
    const text = name.endsWith('.gz') ? gunzipSync(bytes).toString() : bytes.toString();
    return (JSON.parse(text) as { traceEvents: TraceEvent[] }).traceEvents;
  }

  /** What a trace in this folder says about itself. */
  otherData(name = 'trace.json'): Readonly<Record<string, unknown>> {
    const text = readFileSync(join(this.path, name), 'utf8');
    return (JSON.parse(text) as { otherData: Record<string, unknown> }).otherData;
  }

  /** The value of each row of the last report with this name. */
  rows(name: string, file?: string): readonly string[] {
    const found = this.events(file).filter((event) => event.name === name);
    return Object.values(found.at(-1)?.args ?? {}).map(String);
  }

  start(...args: readonly string[]): RunningProgram {
    return new RunningProgram(['run', ...args], this.path);
  }

  run(...args: readonly string[]): Promise<Ended> {
    return this.start(...args).ended;
  }

  /** Runs Node itself, with these variables. */
  node(variables: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ended> {
    return new RunningProgram(args, this.path, variables, []).ended;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 10 });
  }
}

export class RunningProgram {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #waiting: { readonly word: string; readonly resolve: () => void }[] = [];
  readonly #waitingForSaid: { readonly word: string; readonly resolve: () => void }[] = [];
  #stdout = '';
  #stderr = '';

  constructor(
    args: readonly string[],
    cwd: string,
    variables: Readonly<Record<string, string>> = {},
    program: readonly string[] = [CLI],
  ) {
    const { NODE_OPTIONS: _, ...inherited } = process.env;
    this.#child = spawn(process.execPath, [...program, ...args], {
      cwd,
      env: { ...inherited, NO_COLOR: '1', ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout!.on('data', (chunk) => {
      this.#stdout += chunk;
      for (const { word, resolve } of this.#waiting) if (this.#stdout.includes(word)) resolve();
    });
    this.#child.stderr!.on('data', (chunk) => {
      this.#stderr += chunk;
      for (const { word, resolve } of this.#waitingForSaid) if (this.#stderr.includes(word)) resolve();
    });
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => {
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  /** Resolves when the program has printed this word. */
  printed(word: string): Promise<void> {
    if (this.#stdout.includes(word)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ word, resolve }));
  }

  /** Resolves when the command has said this on stderr. */
  said(word: string): Promise<void> {
    if (this.#stderr.includes(word)) return Promise.resolve();
    return new Promise((resolve) => this.#waitingForSaid.push({ word, resolve }));
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}
