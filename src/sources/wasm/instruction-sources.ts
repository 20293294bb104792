/**
 * Where in the sources the instructions of a module come from: by the DWARF that it carries, or by a source map that
 * it names or carries. Nothing of either is read before the first stack.
 *
 * Not here: how a source map is found and parsed, which is given (`OpenSourceMap`).
 */
import { ByteReader } from './byte-reader.js';
import type { CustomSections } from './custom-sections.js';
import { DebugLines, type SourcePosition } from './debug-lines.js';
import type { ModuleIdentity } from './module-identity.js';

/** A source map of a module: its columns are byte offsets. */
export interface ModuleSourceMap {
  /**
   * @param offset byte offset of an instruction in the module
   * @param least where its function begins: what is mapped before belongs to another one
   */
  positionAt(offset: number, least: number): SourcePosition | undefined;
}

/**
 * @param reference from the module's section `sourceMappingURL`
 * @param origin path or URL of the script that brought the module, or of the module itself; empty when unknown
 * @returns undefined when there is no usable map. May throw.
 */
export type OpenSourceMap = (reference: string, origin: string) => ModuleSourceMap | undefined;

const MAP_SECTION = 'sourceMappingURL';
const NOWHERE: readonly SourcePosition[] = [];

export class InstructionSources {
  readonly sections: CustomSections;
  readonly #identity: ModuleIdentity;
  readonly #open: OpenSourceMap;
  readonly #debugLines: DebugLines;
  /** Maps may be a hundred times as large as what is asked of them. */
  #map: WeakRef<ModuleSourceMap> | undefined;
  #hasMap = true;

  constructor(sections: CustomSections, identity: ModuleIdentity, open: OpenSourceMap) {
    const { codeStart, firstBody } = identity;
    this.sections = sections;
    this.#identity = identity;
    this.#open = open;
    this.#debugLines = new DebugLines((name) => sections.bytes(name), codeStart, firstBody);
  }

  /**
   * @param offset byte offset of an instruction in the module as the program loaded it
   * @param functionStart of the body that it is in
   * @returns as `DebugLines.positionsAt`. Never throws.
   */
  positionsAt(offset: number, functionStart: number): readonly SourcePosition[] {
    const known = this.#debugLines.positionsAt(offset);
    if (known.length > 0) return known;
    const mapped = this.#mapped(offset, functionStart);
    return mapped === undefined ? NOWHERE : [mapped];
  }

  #mapped(offset: number, functionStart: number): SourcePosition | undefined {
    if (!this.#hasMap) return undefined;
    try {
      const map = this.#map?.deref() ?? this.#openMap();
      this.#hasMap = map !== undefined;
      this.#map = map && new WeakRef(map);
      return map?.positionAt(offset, functionStart);
    } catch {
      this.#hasMap = false;
      return undefined;
    }
  }

  #openMap(): ModuleSourceMap | undefined {
    const section = this.sections.bytes(MAP_SECTION);
    if (section === undefined) return undefined;
    const reference = new ByteReader(section, 0, section.length, MAP_SECTION).name();
    return this.#open(reference, this.#identity.origin);
  }
}
