/**
 * A call stack as lines of a table cell: the function that allocated in front, its callers below it, indented and
 * dim. Nothing is cut off: what is wider than the cell goes on in the next line.
 */
import type picocolors from 'picocolors';
import type { Frame } from '../heap/frame.js';
import { columnsOf, printable, wrap } from './wrap.js';

type Colors = ReturnType<typeof picocolors.createColors>;

export interface CellOptions {
  /** Columns of the cell's first line. */
  readonly firstWidth: number;
  /** Columns of its other lines, which may hang below the cells before it. */
  readonly width: number;
  readonly colors: Colors;
  /** Paths below this directory are shown from there. */
  readonly baseDirectory: string;
}

type Paint = (text: string) => string;

/** Callers shown below the innermost frame; the number of further ones is said. */
const CALLERS_SHOWN = 5;
const WASM_CALLERS_SHOWN = 2;
const CALLER_MARK = '← ';
const INDENT = '  ';

/** The first line, which may be empty when nothing fits there, and those below it. */
export function stackLines(frames: readonly Frame[], options: CellOptions): string[] {
  const { colors } = options;
  const [innermost, ...callers] = frames;
  if (innermost === undefined) return [''];
  const lines = innermostLines(innermost, options);
  const width = options.width - INDENT.length - CALLER_MARK.length;
  const callerOptions = { ...options, width, firstWidth: width };
  for (const caller of shownCallers(callers)) {
    if (typeof caller === 'string') {
      lines.push(INDENT + colors.dim(CALLER_MARK + caller));
      continue;
    }
    const [first = '', ...rest] = frameLines(caller, callerOptions, colors.dim, colors.dim);
    lines.push(INDENT + colors.dim(CALLER_MARK) + first);
    lines.push(...rest.map((line) => INDENT + ' '.repeat(CALLER_MARK.length) + line));
  }
  return lines;
}

/**
 * The callers that fit in the table, and in words how many are left out. A deep WebAssembly stack gives up its
 * middle: the JavaScript that called into the module is what the reader can change.
 */
function shownCallers(callers: readonly Frame[]): (Frame | string)[] {
  const hidden = callers.length - CALLERS_SHOWN;
  if (hidden <= 0) return [...callers];
  const script = callers.findIndex((frame) => !isWasm(frame));
  if (script < CALLERS_SHOWN) return [...callers.slice(0, CALLERS_SHOWN), `${hidden} more`];
  const scripts = callers.slice(script, script + CALLERS_SHOWN - WASM_CALLERS_SHOWN);
  const rest = callers.length - script - scripts.length;
  return [
    ...callers.slice(0, WASM_CALLERS_SHOWN),
    `${script - WASM_CALLERS_SHOWN} more in WebAssembly`,
    ...scripts,
    ...(rest > 0 ? [`${rest} more`] : []),
  ];
}

const COMPILED_SOURCE = /\.(?:[cS]|cc|cpp|cxx|hh?|hpp|hxx|inc|ipp|rs|zig|go|swift)$|\/c\+\+\/v1\/|^~lib\//;

/** WebAssembly frames end in an offset (`0x8d2f9`, `module.wasm:0x8d2f9`), or are in a source of another language. */
function isWasm(frame: Frame): boolean {
  return (frame.line === 0 && /(?:^|:)0x[0-9a-f]+$/.test(frame.file)) || COMPILED_SOURCE.test(frame.file);
}

/** The frame that allocated. */
export function innermostLines(frame: Frame, options: CellOptions): string[] {
  return frameLines(frame, options, options.colors.bold, options.colors.cyan);
}

/** `name  position` where that fits; else the position below the name, and the name below the first line. */
function frameLines(frame: Frame, options: CellOptions, paintName: Paint, paintPosition: Paint): string[] {
  const { firstWidth, width } = options;
  const name = printable(frame.name === '' ? '(anonymous)' : frame.name);
  const position = printable(positionOf(frame, options.baseDirectory));
  const nameColumns = columnsOf(name);
  if (nameColumns + 2 + columnsOf(position) <= firstWidth) {
    return [position === '' ? paintName(name) : `${paintName(name)}  ${paintPosition(position)}`];
  }
  const lines = wrap(name, nameColumns <= firstWidth ? firstWidth : width).map((line) =>
    paintName(line.trimEnd()),
  );
  if (nameColumns > firstWidth && firstWidth < width) lines.unshift('');
  if (position === '') return lines;
  return [...lines, ...wrap(position, width - INDENT.length).map((line) => INDENT + paintPosition(line))];
}

/** `file:line:column`, without what is unknown and without what all paths of the program share. */
export function positionOf(frame: Frame, baseDirectory: string): string {
  if (frame.file === '') return '';
  let file = frame.file.startsWith('file:///') ? decodePath(frame.file.slice('file://'.length)) : frame.file;
  if (baseDirectory !== '' && file.startsWith(`${baseDirectory}/`))
    file = file.slice(baseDirectory.length + 1);
  if (frame.line === 0) return file;
  return frame.column === 0 ? `${file}:${frame.line}` : `${file}:${frame.line}:${frame.column}`;
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
