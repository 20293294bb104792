/**
 * The program as a child process that shares our stdio: signals go through to it, and its end becomes ours.
 */
import { spawn } from 'node:child_process';
import { OtraceError } from '../errors.js';
import type { NodeCommand } from './node-command.js';

export interface ProgramEnd {
  readonly signal: NodeJS.Signals | null;
  /** Wall time of its end, in microseconds. */
  readonly endUs: number;
  /** Ends this process as the program ended: by its signal, or with its exit code. */
  passOn(): void;
}

/** Signals that somebody may send to us and means the program. */
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
/** Of these, the ones that a terminal's keys send to the whole foreground group: the program has them already. */
const FROM_KEYS: readonly string[] = ['SIGINT', 'SIGQUIT'];

/**
 * Runs the program to its end.
 *
 * @throws OtraceError `OTRACE_PROGRAM` when it can't be started
 */
export function runProgram(
  command: NodeCommand,
  environment: Readonly<Record<string, string>>,
): Promise<ProgramEnd> {
  return new Promise((resolve, reject) => {
    const child = spawn(command.node, command.args, {
      stdio: 'inherit',
      env: { ...process.env, ...environment },
    });
    const stops =
      process.platform === 'win32' ? [] : FORWARDED.map((signal) => forward(signal, (s) => child.kill(s)));
    child.on('error', (error) => {
      reject(
        new OtraceError('OTRACE_PROGRAM', `can't start ${command.node}: ${error.message}; check its path`),
      );
    });
    child.on('exit', (code, signal) => {
      for (const stop of stops) stop();
      resolve({ signal, endUs: Date.now() * 1000, passOn: () => endLike(code, signal) });
    });
  });
}

/** @returns a function that ends the forwarding */
function forward(signal: NodeJS.Signals, send: (signal: NodeJS.Signals) => void): () => void {
  const listener = (): void => {
    if (!(process.stdin.isTTY && FROM_KEYS.includes(signal))) send(signal);
  };
  process.on(signal, listener);
  return () => process.removeListener(signal, listener);
}

function endLike(code: number | null, signal: NodeJS.Signals | null): void {
  if (signal === null) process.exitCode = code ?? 1;
  else process.kill(process.pid, signal);
}
