/**
 * Which frames of a V8 stack a reader gets to see.
 *
 * The stack, innermost first, is a sequence of frames of four kinds:
 *
 *     user    a script of the program           every frame is kept
 *     engine  a `node:` script                  a run of them keeps its outermost frame only: what the program called
 *                                               (`addEventListener`, not its five inner steps)
 *     own     otrace                            never kept
 *     blank   builtins without a file (`push`, `then`) and V8's `(root)`, `(V8 API)` ...
 *                                               kept only when there is nothing else
 *
 * - An engine run at the outer end (module loader, timers, microtasks: whoever called the program) is dropped.
 * - One at the inner end stays, as that one frame. V8 places a frame at its function, not at the allocating line, so
 *   the engine function called is the only hint at which statement of the user's function it was. It is shown
 *   without line, so that the site's hash does not change with every release of Node.
 * - No user frame at all: the innermost and the outermost engine frame, as in `Socket (node:net) <- onconnection (node:net)`.
 * - No user frame inside the innermost own one: otrace allocated for itself, and there is no stack to show.
 */
import type { Frame } from '../../heap/frame.js';
import type { CallFrame } from './sampler.js';

const RUN_MAIN = 'node:internal/modules/run_main';
const LOADER = /^node:internal\/(?:modules|bootstrap)\//;
/** Stands for all stacks that `isLoading`. */
export const LOADING: Frame = {
  name: '(loading modules)',
  file: 'node:internal/modules',
  line: 0,
  column: 0,
};

export interface FrameRules {
  /** Whether a script (path or `file:` URL) is part of otrace. */
  readonly isOwnFrame: (script: string) => boolean;
  /** From the running script's position to the author's. Lines and columns from 1. */
  readonly mapFrame: (frame: Frame) => Frame;
  /** How a path or URL is shown. */
  readonly displayPath: (script: string) => string;
}

export interface ClassifiedFrame {
  readonly kind: 'user' | 'engine' | 'own' | 'blank';
  readonly frame: Frame;
}

/** A stack as a list, innermost first: contexts share their outer frames, so a tree of them needs no copies. */
export interface StackLink {
  readonly entry: ClassifiedFrame;
  readonly outer: StackLink | undefined;
}

export function classify(call: CallFrame, rules: FrameRules): ClassifiedFrame {
  const { url, lineNumber } = call;
  // The code of a whole script or module has no name and begins where the script does.
  const unnamed = lineNumber === 0 && call.columnNumber === 0 ? '(top level)' : '(anonymous)';
  const name = call.functionName === '' ? unnamed : call.functionName;
  // A function of a script that is garbage by now has only its name left; builtins have no script.
  if (url === '' && lineNumber < 0 && call.scriptId !== '0')
    return { kind: 'user', frame: { name, file: '', line: 0, column: 0 } };
  if (url === '' && lineNumber < 0) return { kind: 'blank', frame: { name, file: '', line: 0, column: 0 } };
  if (url.startsWith('node:')) return { kind: 'engine', frame: { name, file: url, line: 0, column: 0 } };
  if (rules.isOwnFrame(url)) return { kind: 'own', frame: { name, file: url, line: 0, column: 0 } };
  // Code made by eval or `new Function` has no URL either, but it has lines.
  const file = url === '' ? 'eval' : url;
  const mapped = rules.mapFrame({ name, file, line: lineNumber + 1, column: call.columnNumber + 1 });
  return { kind: 'user', frame: { ...mapped, file: rules.displayPath(mapped.file) } };
}

/**
 * @param innermost the stack
 * @param depth frames to show at most, 1 or more
 * @returns the frames to show, never empty; undefined when otrace allocated for itself
 */
export function trimStack(innermost: StackLink, depth: number): Frame[] | undefined {
  const shown: Frame[] = [];
  let run: Frame | undefined;
  let innermostEngine: Frame | undefined;
  let innermostBlank: Frame | undefined;
  for (let link: StackLink | undefined = innermost; link !== undefined; link = link.outer) {
    const { kind, frame } = link.entry;
    if (kind === 'user') {
      // At a depth of 1 the user's function matters more than the engine's.
      if (run !== undefined && shown.length < depth - 1) shown.push(run);
      run = undefined;
      shown.push(frame);
      if (shown.length >= depth) return shown;
    } else if (kind === 'engine') {
      run = frame;
      innermostEngine ??= frame;
      // Whatever called this is how Node starts a program.
      if (frame.file === RUN_MAIN) break;
    } else if (kind === 'own') {
      if (shown.length === 0) return undefined;
    } else {
      innermostBlank ??= frame;
    }
  }
  if (shown.length > 0) return shown;
  if (innermostEngine === undefined || run === undefined) return innermostBlank && [innermostBlank];
  return run === innermostEngine || depth === 1 ? [innermostEngine] : [innermostEngine, run];
}

/** Whether it is Node that loads modules, its own or the program's, and nobody of the program who asked for it. */
export function isLoading(innermost: StackLink): boolean {
  let found = false;
  for (let link: StackLink | undefined = innermost; link !== undefined; link = link.outer) {
    const { kind, frame } = link.entry;
    if (kind === 'user' || kind === 'own') return false;
    found ||= kind === 'engine' && LOADER.test(frame.file);
  }
  return found;
}
