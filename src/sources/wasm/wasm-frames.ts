/**
 * Makes the frames of a mixed stack readable: WebAssembly functions by their symbol, demangled, or by module and
 * index, with the source line where the module's debug information has it, and else the offset, always as in the
 * module that the program loaded. A function that was inlined is a frame of its own; otrace's are left out.
 *
 *     malloc wrapper <- sqlite3Prepare <- invoke_iii <- step <- prepare (sql.js:10) <- main (app.js:3)
 *     '-- left out'     '------------ inside --------------'   '------------ outside ------------'
 */
import type { Frame } from '../../heap/frame.js';
import type { SourcePosition } from './debug-lines.js';
import { demangle } from './demangle.js';
import type { InstructionSources } from './instruction-sources.js';
import type { ModuleIdentity } from './module-identity.js';
import type { OffsetMap } from './offset-map.js';

const WASM_FRAME = /^(wasm:\/\/.*?):?wasm-function\[(\d+)\](?::0x([0-9a-f]+))?/;
/** Emscripten calls the module back through these; to the module it is one call chain. */
const INVOKER = /^invoke_[vijfdpe]+$/;

/** What a module's functions are called. */
export interface FunctionNames {
  readonly identity: ModuleIdentity;
  /** Leads to offsets in the module as the program loaded it; undefined where they are not known. */
  readonly offsets: OffsetMap | undefined;
  readonly sources: InstructionSources;
  /** From the name section, by index. */
  readonly symbols: ReadonlyMap<number, string>;
}

export interface SplitStack {
  /** The module's functions, innermost first. */
  readonly inside: readonly Frame[];
  /** The JavaScript that called it, and whatever called that. */
  readonly outside: readonly Frame[];
}

export class WasmFrames {
  readonly #readable: boolean;
  readonly #showPath: (file: string) => string;
  /** By script URL, which the engine makes from the module's bytes. */
  readonly #names = new Map<string, FunctionNames>();
  readonly #exportNames = new WeakMap<ModuleIdentity, ReadonlyMap<number, string>>();
  readonly #mapped = new WeakMap<Frame, readonly Frame[]>();

  /**
   * @param readable false to leave symbols mangled, and positions as offsets in the module
   * @param showPath how a source file's path reads in a report
   */
  constructor(readable: boolean, showPath: (file: string) => string = (file) => file) {
    this.#readable = readable;
    this.#showPath = showPath;
  }

  /**
   * @param stack as captured, innermost first
   * @param names those of the module that is allocating: of the innermost frame
   * @param depth most frames kept of each part, those of inlined functions not counted
   */
  split(stack: readonly Frame[], names: FunctionNames, depth: number): SplitStack {
    const innermost = stack.find((frame) => frame.file.startsWith('wasm://'));
    const script = innermost === undefined ? undefined : WASM_FRAME.exec(innermost.file)?.[1];
    if (script !== undefined && !this.#names.has(script)) this.#names.set(script, names);
    let border = 0;
    for (let i = 0; i < stack.length; i++) {
      const { file, name } = stack[i]!;
      if (file.startsWith('wasm://')) border = i + 1;
      else if (!INVOKER.test(name)) break;
    }
    // The innermost is the allocation function that told: malloc itself.
    return {
      inside: this.#map(stack.slice(1, border), depth),
      outside: this.#map(stack.slice(border), depth),
    };
  }

  #map(frames: readonly Frame[], depth: number): Frame[] {
    const mapped: Frame[] = [];
    let left = depth;
    for (const frame of frames) {
      const readable = this.#mapFrame(frame);
      if (readable.length === 0) continue;
      if (left-- === 0) break;
      mapped.push(...readable);
    }
    return mapped;
  }

  #mapFrame(frame: Frame): readonly Frame[] {
    const known = this.#mapped.get(frame);
    if (known !== undefined) return known;
    const parts = WASM_FRAME.exec(frame.file);
    const mapped =
      parts === null
        ? [frame]
        : this.#wasmFrames(parts[1]!, Number(parts[2]), Number.parseInt(parts[3] ?? '', 16), frame.name);
    this.#mapped.set(frame, mapped);
    return mapped;
  }

  /** Innermost first; more than one where functions were inlined, none for code of otrace. */
  #wasmFrames(script: string, index: number, offset: number, engineName: string): readonly Frame[] {
    const names = this.#names.get(script);
    if (names === undefined) {
      // A module that is not traced, say a side module; the engine has its symbols.
      const unnamed = /^(wasm-function\[\d+\]|\d+)$/.test(engineName);
      return [{ ...NOWHERE, name: unnamed ? `wasm:func[${index}]` : this.#show(engineName) }];
    }
    const { identity, symbols, offsets, sources } = names;
    const added = index - identity.firstAdded;
    if (added >= identity.movedFrom.length) return [];
    const original = added >= 0 ? identity.movedFrom[added]! : index;
    const at = offsets?.originalOffset(offset);
    const body = offsets?.originalBody(offset);
    const positions = this.#readable && at !== undefined ? sources.positionsAt(at, body ?? at) : [];
    const position = at === undefined ? '' : `0x${at.toString(16)}`;
    const symbol = symbols.get(original);
    const known = symbol ?? (positions.at(-1)?.name || undefined);
    const name = known === undefined ? this.#exported(identity).get(original) : this.#show(known);
    if (positions.length > 0)
      return this.#inSources(positions, name ?? `${identity.label}:func[${original}]`);
    if (name === undefined) {
      return [{ ...NOWHERE, name: `${identity.label}:func[${original}]`, file: position }];
    }
    return [{ ...NOWHERE, name, file: position === '' ? identity.label : `${identity.label}:${position}` }];
  }

  /** @param name of the function that is in the module, the last of the positions */
  #inSources(positions: readonly SourcePosition[], name: string): Frame[] {
    return positions.map(({ name: inlined, file, line, column }, i) => ({
      name: i === positions.length - 1 ? name : this.#show(inlined || '(inlined)'),
      file: this.#showPath(file),
      line,
      column: line === 0 ? 0 : column,
    }));
  }

  #exported(identity: ModuleIdentity): ReadonlyMap<number, string> {
    let names = this.#exportNames.get(identity);
    if (names === undefined) {
      names = new Map(identity.exportNames);
      this.#exportNames.set(identity, names);
    }
    return names;
  }

  #show(symbol: string): string {
    return this.#readable ? demangle(symbol) : symbol;
  }
}

const NOWHERE = { file: '', line: 0, column: 0 };
