/**
 * What a rewritten module says of itself, in a custom section at its end, so that a thread that is sent the
 * compiled module knows as much as the one that rewrote it.
 */
import { ByteWriter } from '../../wat/byte-writer.js';

export interface ModuleIdentity {
  /** Of the original bytes: tells modules apart that are called the same. */
  readonly hash: string;
  /** How the module is called in reports: `sqlite3.wasm`. */
  readonly label: string;
  /** How the allocator was found, for a person. */
  readonly how: string;
  /** See `FoundAllocator.complete`. */
  readonly complete: boolean;
  readonly wideAddresses: boolean;
  readonly contexts: boolean;
  /** Index of the first function that otrace added. */
  readonly firstAdded: number;
  /** Original function index of each added function that has an original's body, from `firstAdded` on. */
  readonly movedFrom: readonly number[];
  /** Names of exported functions that a person can read, by function index. */
  readonly exportNames: readonly (readonly [number, string])[];
  /** Path or URL of the script that brought the module, or of the module itself; empty when unknown. */
  readonly origin: string;
  /** In the original module: where the content of its code section begins, and its first function body. */
  readonly codeStart: number;
  readonly firstBody: number;
}

export const IDENTITY_SECTION = '\0otrace:module';

/** The module with the section appended. */
export function withIdentity(bytes: Uint8Array, identity: ModuleIdentity): Uint8Array {
  const content = new ByteWriter(1024);
  content.name(IDENTITY_SECTION);
  const json = new TextEncoder().encode(JSON.stringify(identity));
  content.copy(json, 0, json.length);
  const out = new ByteWriter(bytes.length + content.length + 8);
  out.copy(bytes, 0, bytes.length);
  out.u8(0);
  out.sized(content);
  return out.written();
}

/** @returns undefined for a section that otrace did not write */
export function readIdentity(section: ArrayBuffer): ModuleIdentity | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(section)) as ModuleIdentity;
  } catch {
    return undefined;
  }
}
