/**
 * Source maps of scripts that run elsewhere. V8 is asked where each script's map is (`Debugger.scriptParsed`, with
 * every pause left out, and at once ended again); maps in `data:` URLs come with the answer, others are read from
 * where the script is:
 *
 *     file:      where files of the target are files of this machine, beside a script that is a file
 *     http(s):   from the script's own origin on the loopback interface; from anywhere only where the user asked for it
 *
 * What could not be had is said in one line, and those frames keep their positions in what runs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Frame } from '../../heap/frame.js';
import { mapped, type ParsedMap, parseMap } from '../../node/parsed-map.js';
import { dataText, readBounded } from '../../node/source-maps.js';
import type { ProtocolSession } from './protocol-session.js';

export interface ScriptMapsOptions {
  /** Whether files of the target are files here. */
  readonly isLocal: boolean;
  /** Whether maps are fetched from any host. */
  readonly fetchAll: boolean;
  readonly warn: (message: string) => void;
}

const PATIENCE_MS = 2_000;
const FETCH_TIMEOUT_MS = 5_000;
const MAX_FETCH_BYTES = 64 * 1024 * 1024;
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/i;

/** Why a map is not read. */
class Unread extends Error {}

const ELSEWHERE = 'is on another host and was not fetched; --fetch-maps does so';

export class ScriptMaps {
  readonly #options: ScriptMapsOptions;
  readonly #maps = new Map<string, ParsedMap>();
  /** Where each script's map is, of all that the debuggers told of; empty where it has none. */
  readonly #references = new Map<string, string>();
  readonly #known = new Set<string>();
  readonly #told = new Set<string>();
  #learning: Promise<void> = Promise.resolve();

  constructor(options: ScriptMapsOptions) {
    this.#options = options;
  }

  /**
   * Asks for the scripts that a thread has. When first asked, V8 notes where the lines of each begin, 600 KB for what Node itself
   * consists of, in the program's heap and in the name of the function that it happens to interrupt. So this is done
   * before allocations are sampled.
   */
  async survey(session: ProtocolSession): Promise<void> {
    for (const [script, reference] of await references(session)) this.#references.set(script, reference);
  }

  /** Finds the maps of those of these scripts that were not seen before. Never throws. */
  learn(scripts: Iterable<string>, session: ProtocolSession): Promise<void> {
    // One after the other: threads that run the same script find its map at the same look.
    this.#learning = this.#learning.then(() => this.#learn(scripts, session));
    return this.#learning;
  }

  async #learn(scripts: Iterable<string>, session: ProtocolSession): Promise<void> {
    const wanted = new Set([...scripts].map(urlOf).filter((script) => !this.#known.has(script)));
    if (wanted.size === 0) return;
    for (const script of wanted) this.#known.add(script);
    if ([...wanted].some((script) => !this.#references.has(script))) await this.survey(session);
    for (const script of wanted) {
      const reference = this.#references.get(script) ?? '';
      if (reference !== '') await this.#load(script, reference);
    }
  }

  /** The frame as its author wrote it; the same object when there is no map. */
  mapFrame(frame: Frame): Frame {
    const map = this.#maps.get(urlOf(frame.file));
    return map === undefined || frame.line === 0 ? frame : mapped(map, frame);
  }

  async #load(script: string, reference: string): Promise<void> {
    try {
      const url = new URL(reference, script);
      const isInline = url.protocol === 'data:';
      const text = isInline ? dataText(url.href) : await this.#read(url, new URL(script));
      this.#maps.set(script, parseMap(text, isInline ? script : url.href));
    } catch (error) {
      const reason =
        error instanceof Unread ? error.message : `could not be read (${(error as Error).message})`;
      // One line for all scripts of which the same is to be said.
      if (this.#told.has(reason)) return;
      this.#told.add(reason);
      const path = script.replace(/[?#].*$/s, '');
      this.#options.warn(`the source map of ${path} ${reason}; its frames keep their positions in what runs`);
    }
  }

  async #read(url: URL, script: URL): Promise<string> {
    if (url.protocol === 'file:') {
      if (script.protocol !== 'file:' || !this.#options.isLocal)
        throw new Unread('is a file, and the script is none of this machine');
      return readBounded(url.href);
    }
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      throw new Unread(`is at ${url.protocol}, which is not read`);
    const isNear = LOOPBACK.test(url.hostname) && url.origin === script.origin;
    if (!isNear && !this.#options.fetchAll) throw new Unread(ELSEWHERE);
    return fetched(url, isNear && !this.#options.fetchAll ? 'error' : 'follow');
  }
}

/** A profile has the paths of CommonJS modules, the debugger their URLs. */
function urlOf(script: string): string {
  return script.startsWith('/') ? pathToFileURL(script).href : script;
}

/** Which script has its map where; empty for one that has none. */
async function references(session: ProtocolSession): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  session.on('Debugger.scriptParsed', ({ url, sourceMapURL }) => {
    if (typeof url === 'string' && url !== '')
      found.set(url, typeof sourceMapURL === 'string' ? sourceMapURL : '');
  });
  // A `debugger` statement may be met before pauses are switched off.
  session.on('Debugger.paused', () => void session.post('Debugger.resume').catch(() => {}));
  try {
    const asked = ['Debugger.enable', 'Debugger.setSkipAllPauses', 'Debugger.disable'].map((method) =>
      session.post(method, { skip: true }),
    );
    // A thread may go to sleep meanwhile.
    await Promise.race([Promise.all(asked), sleep(PATIENCE_MS, undefined, { ref: false })]);
  } catch {
    // No debugger there, or the target is gone, which others will find out.
  } finally {
    session.on('Debugger.scriptParsed', undefined);
    session.on('Debugger.paused', undefined);
  }
  return found;
}

async function fetched(url: URL, redirect: 'follow' | 'error'): Promise<string> {
  const response = await fetch(url, { redirect, signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`HTTP ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_FETCH_BYTES) throw new Error('it is larger than 64 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
