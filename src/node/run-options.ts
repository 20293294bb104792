/**
 * What `otrace run` tells the process it starts beyond the ordinary `OTRACE_*` variables: one variable, `OTRACE_RUN`,
 * with this object as JSON.
 */

/** The parts of the timeline that a run records by itself. */
export const TIMELINE_NAMES = ['gc', 'user-timing', 'http', 'event-loop'] as const;

export type TimelineName = (typeof TIMELINE_NAMES)[number];

export interface RunOptions {
  /** Groups in each report row. */
  readonly top: number;
  /** Seconds between reports while the program runs; 0 for none. */
  readonly reportEverySeconds: number;
  /** Record every allocation of the JavaScript heap. */
  readonly exact: boolean;
  /** Say at the end why what the program left is alive. */
  readonly retainers: boolean;
  /** Whether to note now and then what is live, where no reports are asked for in between. */
  readonly checkpoints: boolean;
  readonly timeline: readonly TimelineName[];
  /** Record every HTTP request, however many they are. */
  readonly httpAll: boolean;
  /** Most bytes on disk of a trace that is a single file. */
  readonly maxFileBytes: number;
  /** File in which the program's process leaves what became of the trace, for the process that waits for it. */
  readonly resultFile: string;
  /** Folder in which the hooks keep their own bytecode from run to run; nobody else can write to it. */
  readonly bytecodeFolder?: string | undefined;
}

export const RUN_VARIABLE = 'OTRACE_RUN';
/** With the pid behind it, the name of the file beside `resultFile` that a fork leaves. */
export const CHILD_RESULT = 'child-';
/** Set by the program's first process to its pid, so that its forks know they are not it. */
export const RUN_PID_VARIABLE = 'OTRACE_RUN_PID';

export function writeRunOptions(options: RunOptions): string {
  return JSON.stringify(options);
}

/** The options of this run; `undefined` when the process was not started by `otrace run`. */
export function readRunOptions(
  environment: Readonly<Record<string, string | undefined>>,
): RunOptions | undefined {
  const text = environment[RUN_VARIABLE];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as RunOptions;
  } catch {
    return undefined; // set by somebody else; nothing of ours is in it
  }
}
