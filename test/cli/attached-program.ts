/** A program that runs on its own, to be attached to: plain Node, real signals, its own inspector port. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type Ended, RunningProgram } from './running-program.js';

export class TargetProgram {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #waiting: { readonly test: () => boolean; readonly resolve: () => void }[] = [];
  stdout = '';
  stderr = '';

  /** @param command Node's flags, the script and its arguments */
  constructor(command: readonly string[], cwd: string, program = process.execPath) {
    const { NODE_OPTIONS: _, ...inherited } = process.env;
    this.#child = spawn(program, command, { cwd, env: inherited, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout!.on('data', (chunk) => {
      this.stdout += chunk;
      this.#check();
    });
    this.#child.stderr!.on('data', (chunk) => {
      this.stderr += chunk;
      this.#check();
    });
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => {
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The addresses of inspectors that it has told on stderr, oldest first. */
  get inspectors(): readonly string[] {
    return [...this.stderr.matchAll(/Debugger listening on (ws:\S+)/g)].map(([, url]) => url!);
  }

  /** Resolves when the test holds for what the program has printed. */
  until(test: () => boolean): Promise<void> {
    if (test()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ test, resolve }));
  }

  /** Resolves when the program runs and has said so. */
  ready(): Promise<void> {
    return this.until(() => this.stdout.includes('ready'));
  }

  /** Asks the program, which counts its signals, to print a line. */
  async answers(): Promise<boolean> {
    const before = this.stdout.length;
    this.kill('SIGUSR2');
    await this.until(() => this.stdout.length > before);
    return this.stdout.endsWith('here\n');
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  #check(): void {
    for (const { test, resolve } of this.#waiting) if (test()) resolve();
  }
}

/** `otrace attach` with these arguments. */
export function attach(cwd: string, ...args: readonly string[]): RunningProgram {
  return new RunningProgram(['attach', ...args], cwd);
}

/** Whether somebody listens on a TCP port of the loopback interface. */
export function isListening(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return readFileSync('/proc/net/tcp', 'utf8').includes(`0100007F:${hex} 00000000:0000 0A`);
}

export function portOf(url: string): number {
  return Number(new URL(url).port);
}
