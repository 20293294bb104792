/**
 * Frames from the text of `error.stack`, for engines without structured call sites. Three forms are understood:
 *
 *     V8                at name (file:line:column)    at file:line:column    at async name (...)
 *     Firefox           name@file:line:column
 *     Safari            name@file:line:column         name@[native code]
 *
 * Lines of another form (the message of the error, say) are left out.
 */
import { withoutScheme } from './call-site.js';
import type { Frame } from './frame.js';

export function parseStackText(text: string): Frame[] {
  const frames: Frame[] = [];
  for (const line of text.split('\n')) {
    const v8 = /^\s*at (.*)$/.exec(line);
    if (v8 !== null) {
      const named = /^(.*?) \((.*)\)$/.exec(v8[1]!);
      frames.push(named === null ? frameAt('', v8[1]!) : frameAt(named[1]!, named[2]!));
      continue;
    }
    // A name may hold an "@" of its own, and so may a URL; a function's name with one is the rarer.
    const other = line.indexOf('@');
    if (other >= 0) frames.push(frameAt(line.slice(0, other), line.slice(other + 1)));
  }
  return frames;
}

function frameAt(rawName: string, place: string): Frame {
  const name = nameFrom(rawName);
  const wasm = /^(.*):wasm-function\[(\d+)\]:(0x[0-9a-f]+)$/.exec(place);
  if (wasm !== null) {
    return { name: rawName === '' ? `wasm-function[${wasm[2]}]` : name, file: place, line: 0, column: 0 };
  }
  const position = /^(.*?)(?::(\d+))?(?::(\d+))?$/.exec(place)!;
  const file = /^(<anonymous>|native|\[native code\]|\[wasm code\])$/.test(position[1]!) ? '' : position[1]!;
  return {
    name,
    file: withoutScheme(file),
    line: Number(position[2] ?? 0),
    column: Number(position[3] ?? 0),
  };
}

function nameFrom(raw: string): string {
  // V8 adds what a method was called as; Firefox marks the frames below with "/<" and async ones with "async*".
  const name = raw
    .replace(/ \[as [^\]]*\]$/, '')
    .replace(/^async\*/, 'async ')
    .replace(/\/<$/, '');
  if (name === 'global code' || name === 'module code') return '(top level)';
  return name === '' || name === 'Object.<anonymous>' || name === '<anonymous>' ? '(anonymous)' : name;
}
