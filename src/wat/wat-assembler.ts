/**
 * Assembles the text form of WebAssembly, as much of it as otrace's own programs are written in: folded instructions,
 * names in place of numbers, functions, imports and globals. So that code can be read, and is no list of bytes.
 *
 * It trusts the text, which is otrace's own: a word that it does not know throws, a type error is the engine's to find.
 */

import { KIND, SECTION } from './binary-codes.js';
import { ByteWriter } from './byte-writer.js';
import { asList, asText, asWord, type Expression, type List, readExpressions } from './wat-expressions.js';
import { InstructionWriter, typeOf } from './wat-instructions.js';

interface Signature {
  readonly params: readonly number[];
  readonly results: readonly number[];
}

/**
 * @param text a list of module fields, without the `(module ...)` around them
 * @throws Error for text that it does not know
 * @example
 * assembleText('(func (export "two") (result i32) (i32.const 2))'); // the bytes of a module
 */
export function assembleText(text: string): Uint8Array {
  return new Assembly(readExpressions(text)).bytes();
}

class Assembly {
  readonly #types: string[] = [];
  readonly #typeBytes: number[][] = [];
  readonly #functions = new Map<string, number>();
  readonly #globals = new Map<string, number>();
  readonly #sections = new Map<number, { count: number; readonly content: ByteWriter }>();
  readonly #defined: { readonly field: List; readonly rest: readonly Expression[] }[] = [];

  constructor(fields: readonly Expression[]) {
    const lists = fields.map(asList);
    for (const field of lists) if (field[0] === 'import') this.#import(field);
    for (const field of lists) if (field[0] === 'global') this.#global(field);
    for (const field of lists) if (field[0] === 'func') this.#declare(field);
    for (const { field, rest } of this.#defined) this.#body(field, rest);
  }

  bytes(): Uint8Array {
    const out = new ByteWriter(4096);
    out.raw([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
    const types = this.#entry(SECTION.type);
    types.count = this.#typeBytes.length;
    for (const type of this.#typeBytes) types.content.raw(type);
    for (const id of [...this.#sections.keys()].sort((a, b) => a - b)) {
      const { count, content } = this.#sections.get(id)!;
      const whole = new ByteWriter(content.length + 5);
      whole.u32(count);
      whole.copy(content.written(), 0, content.length);
      out.u8(id);
      out.sized(whole);
    }
    return out.written();
  }

  /** Begins one more entry of a section. */
  #add(id: number): ByteWriter {
    const entry = this.#entry(id);
    entry.count++;
    return entry.content;
  }

  #entry(id: number): { count: number; readonly content: ByteWriter } {
    const entry = this.#sections.get(id) ?? { count: 0, content: new ByteWriter(256) };
    this.#sections.set(id, entry);
    return entry;
  }

  /** `(import "module" "name" (func $name (param ...)))` and the like. */
  #import([, module, name, described]: List): void {
    const out = this.#add(SECTION.import);
    out.name(asText(module));
    out.name(asText(name));
    const [kind, id, ...rest] = asList(described);
    if (kind === 'func') {
      const { signature } = readSignature(rest);
      this.#functions.set(asWord(id), this.#functions.size);
      out.raw([KIND.function, this.#typeOf(signature)]);
    } else if (kind === 'global') {
      this.#globals.set(asWord(id), this.#globals.size);
      out.raw([KIND.global, ...globalType(rest[0]!)]);
    } else {
      const isShared = rest[1] === 'shared'; // (memory least most [shared])
      out.raw([KIND.memory, isShared ? 3 : 1]);
      out.u32(Number(id));
      out.u32(Number(rest[0]));
    }
  }

  /** `(global $name (export "name") (mut i32) (i32.const 0))`, the export left out or not. */
  #global([, id, ...rest]: List): void {
    const exported = takeExport(rest);
    const index = this.#globals.size;
    this.#globals.set(asWord(id), index);
    const out = this.#add(SECTION.global);
    out.raw(globalType(rest[0]!));
    new InstructionWriter(out, this.#functions, this.#globals, new Map()).write(rest[1]!);
    out.u8(0x0b);
    if (exported !== undefined) this.#export(exported, KIND.global, index);
  }

  #declare(field: List): void {
    const [, id, ...rest] = field;
    const exported = takeExport(rest);
    const index = this.#functions.size;
    this.#functions.set(asWord(id), index);
    this.#add(SECTION.function).u32(this.#typeOf(readSignature(rest).signature));
    if (exported !== undefined) this.#export(exported, KIND.function, index);
    this.#defined.push({ field, rest });
  }

  #body(field: List, rest: readonly Expression[]): void {
    const { names, locals, body } = readSignature(rest);
    const out = new ByteWriter(256);
    out.u32(locals.length);
    for (const type of locals) out.raw([1, type]);
    const numbers = new Map(names.map((name, i) => [name, i]));
    const writer = new InstructionWriter(out, this.#functions, this.#globals, numbers);
    try {
      for (const instruction of body) writer.write(instruction);
    } catch (error) {
      throw new Error(`${asWord(field[1])}: ${(error as Error).message}`);
    }
    out.u8(0x0b);
    this.#add(SECTION.code).sized(out);
  }

  #export(name: string, kind: number, index: number): void {
    const out = this.#add(SECTION.export);
    out.name(name);
    out.u8(kind);
    out.u32(index);
  }

  #typeOf({ params, results }: Signature): number {
    const bytes = [0x60, params.length, ...params, results.length, ...results];
    const key = bytes.join();
    const known = this.#types.indexOf(key);
    if (known >= 0) return known;
    this.#typeBytes.push(bytes);
    return this.#types.push(key) - 1;
  }
}

/** Takes `(export "name")` off the front. */
function takeExport(rest: Expression[]): string | undefined {
  const first = rest[0];
  if (typeof first === 'string' || first?.[0] !== 'export') return undefined;
  rest.shift();
  return asText(first[1]);
}

/** Parameters, results and locals in front of a body; each parameter and local has a name of its own. */
function readSignature(rest: readonly Expression[]): {
  signature: Signature;
  names: string[];
  locals: number[];
  body: readonly Expression[];
} {
  const params: number[] = [];
  const results: number[] = [];
  const locals: number[] = [];
  const names: string[] = [];
  let i = 0;
  for (; i < rest.length; i++) {
    const [word, first, second] = asList(rest[i]);
    if (word === 'result') results.push(typeOf(first));
    else if (word === 'param' || word === 'local') {
      const isNamed = second !== undefined;
      names.push(isNamed ? asWord(first) : '');
      (word === 'param' ? params : locals).push(typeOf(isNamed ? second : first));
    } else break;
  }
  return { signature: { params, results }, names, locals, body: rest.slice(i) };
}

function globalType(type: Expression): number[] {
  return typeof type === 'string' ? [typeOf(type), 0] : [typeOf(type[1]), 1];
}
