/**
 * From V8's `CallSite` objects to frames: what a function is called, where it is, and a cheap identity that tells
 * whether the frame was seen before (making a frame costs about ten times as much as recognising it).
 *
 * Not here: how the call sites are got (`stack.ts`), stacks of other engines (`stack-text.ts`).
 */
import type { Frame } from './frame.js';

/** What of V8's CallSite is used; `@types/node` declares only a part, and some methods are newer than others. */
export interface CallSite {
  getTypeName(): string | null;
  getFunctionName(): string | null;
  getScriptNameOrSourceURL(): string | null | undefined;
  getEvalOrigin(): string | undefined;
  getLineNumber(): number | null;
  getColumnNumber(): number | null;
  getPosition(): number;
  getEnclosingLineNumber?(): number | null;
  getEnclosingColumnNumber?(): number | null;
  isToplevel(): boolean;
  isConstructor(): boolean;
  isAsync(): boolean;
  isPromiseAll?(): boolean;
  toString(): string;
}

/**
 * Names the script of a call site; with the position in the script it identifies the frame. Code without a script
 * name (built-in functions, `eval`, `new Function`) is named by where it comes from and its function.
 */
export function scriptOf(site: CallSite): string {
  return site.getScriptNameOrSourceURL() || `\n${site.getEvalOrigin() ?? ''}\n${nameOf(site)}`;
}

/** The frame of a call site; its file is as the engine gives it, `file://` removed. */
export function frameOf(site: CallSite): Frame {
  const script = site.getScriptNameOrSourceURL();
  if (script?.startsWith('wasm://')) return wasmFrameOf(site, script);
  return {
    name: nameOf(site),
    file: script ? withoutScheme(script) : (site.getEvalOrigin() ?? ''),
    line: site.getLineNumber() ?? 0,
    column: site.getColumnNumber() ?? 0,
  };
}

/** `file:///a%20b.js` -> `/a b.js`, `file:///C:/a.js` -> `C:/a.js`; other URLs stay. */
export function withoutScheme(url: string): string {
  if (!url.startsWith('file://')) return url;
  const path = url.slice('file://'.length).replace(/^\/(?=[A-Za-z]:\/)/, '');
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // a stray % in a name that was never encoded
  }
}

function nameOf(site: CallSite): string {
  const prefix = site.isAsync() ? 'async ' : '';
  return prefix + plainNameOf(site);
}

function plainNameOf(site: CallSite): string {
  const name = site.getFunctionName();
  if (site.isConstructor()) return `new ${name ?? '(anonymous)'}`;
  if (!name) return isWholeScript(site) ? '(top level)' : '(anonymous)';
  if (site.isPromiseAll?.()) return 'Promise.all';
  if (site.isToplevel() || name.includes('.')) return name;
  const type = typeOf(site, name);
  // An accessor's name is "get size": V8 itself leaves the class out there.
  return type === '' || type === 'Object' || /^[gs]et /.test(name) ? name : `${type}.${name}`;
}

/** The code of a script or module itself: the enclosing "function" begins where the script does. */
function isWholeScript(site: CallSite): boolean {
  return site.getEnclosingLineNumber?.() === 1 && site.getEnclosingColumnNumber?.() === 1;
}

function typeOf(site: CallSite, name: string): string {
  const type = site.getTypeName();
  if (type !== 'Function') return type ?? '';
  // A static method: Node 20 says "Function", and only V8's own text has the name of the class.
  const text = site.toString().replace(/^async /, '');
  const type20 = text.slice(0, Math.max(0, text.indexOf(`.${name}`)));
  return /^[\w$]+$/.test(type20) ? type20 : '';
}

/** A WebAssembly frame has no lines: `wasm://wasm/e697dd66:wasm-function[12]:0x345` is the whole position. */
function wasmFrameOf(site: CallSite, script: string): Frame {
  const index = /wasm-function\[(\d+)\]/.exec(site.toString())?.[1] ?? '?';
  const offset = site.getPosition().toString(16);
  const name = site.getFunctionName() ?? `wasm-function[${index}]`;
  return { name, file: `${script}:wasm-function[${index}]:0x${offset}`, line: 0, column: 0 };
}
