/**
 * One frame of a call stack, how a stack reads in a report, and the hash that names a call site.
 *
 * Not here: how frames are captured (`stack.ts`, the sources) or stored (`sites.ts`).
 */

/** A position in the user's program. `line` and `column` start at 1; 0 means unknown. */
export interface Frame {
  /** Function name as the engine (or a symbol table) gives it; `(anonymous)` when it has none. */
  readonly name: string;
  /** Path or URL as a person would look for it; empty when unknown. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

const HEX_DIGITS = '0123456789abcdef';

/** Of an allocation whose stack was not captured. */
export const NO_FRAMES: readonly Frame[] = [];

/** `name (file:line:column)`, leaving out what is unknown. */
export function formatFrame(frame: Frame): string {
  if (frame.file === '') return frame.name;
  if (frame.line === 0) return `${frame.name} (${frame.file})`;
  if (frame.column === 0) return `${frame.name} (${frame.file}:${frame.line})`;
  return `${frame.name} (${frame.file}:${frame.line}:${frame.column})`;
}

/** Whether two frames read the same. */
export function isSameFrame(a: Frame, b: Frame): boolean {
  return a.name === b.name && a.file === b.file && a.line === b.line && a.column === b.column;
}

/** The frames of a stack, innermost first, joined as the report rows join them. */
export function formatStack(frames: readonly Frame[]): string {
  return frames.map(formatFrame).join(' <- ');
}

/**
 * Names a call site: 16 hex digits made from the source's name and the text of its frames, so equal from run
 * to run and from machine to machine. Two 32-bit FNV-1a lanes (Fowler, Noll, Vo) with different offset bases:
 * 64 bits without BigInt, since a V8 profile may bring ten thousand stacks at once.
 *
 * @param salt keeps sites of different sources apart; with no frames it alone decides the hash
 */
export function hashStack(salt: string, frames: readonly Frame[]): string {
  let high = 0x811c9dc5;
  let low = 0x9747b28c;
  const mix = (text: string): void => {
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      high = Math.imul(high ^ unit, 0x01000193);
      low = Math.imul(low ^ unit ^ (high >>> 24), 0x01000193);
    }
  };
  mix(salt);
  for (const frame of frames) mix(`\n${formatFrame(frame)}`);
  return hex32(high) + hex32(low);
}

/** Without `Number.prototype.toString`, which a program may have replaced. */
function hex32(value: number): string {
  let text = '';
  for (let shift = 28; shift >= 0; shift -= 4) text += HEX_DIGITS[(value >>> shift) & 15];
  return text;
}
