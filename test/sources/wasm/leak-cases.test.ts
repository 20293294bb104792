// Published packages, each with the classic mistake (a handle never freed) and its fixed twin. The expected figures
// are those of the packages' allocators themselves, and the walker of their chunks has to agree where it can.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { walker } from './chunk-walker.js';
import { growth, traced } from './traced.js';

const require = createRequire(import.meta.url);
const { source, warnings } = traced();
source.install();
source.arm();

type Exports = Record<string, (...values: number[]) => number>;
const instances: { exports: Exports; memory: WebAssembly.Memory }[] = [];

// What a program's own hook on top of ours sees: only that it goes on working is wanted here.
const instantiate = WebAssembly.instantiate as (...args: unknown[]) => Promise<unknown>;
WebAssembly.instantiate = (async (...args: unknown[]) => {
  const result = (await instantiate(...args)) as WebAssembly.WebAssemblyInstantiatedSource;
  const exports = (result.instance ?? result).exports as unknown as Exports;
  const given = (args[1] as { env?: { memory?: unknown } } | undefined)?.env?.memory;
  const memory = [...Object.values(exports), given].find((value) => value instanceof WebAssembly.Memory);
  if (memory !== undefined) instances.push({ exports, memory: memory as WebAssembly.Memory });
  return result;
}) as typeof WebAssembly.instantiate;

interface LeakCase {
  readonly iterations: number;
  /** Of one iteration, as the program asked for them. */
  readonly blocks: number;
  readonly bytes: number;
  /** Usable bytes of all iterations, as the allocator rounds them; undefined where its chunks can't be walked. */
  readonly usableBytes?: number;
  readonly leaker: string;
  /** Exports for the walker; left out where the chunks can't be walked. */
  readonly malloc?: string;
  readonly free?: string;
  /** Bytes that the first runs leave in caches. */
  step(iteration: number, leaking: boolean): void;
}

function checkCase(name: string, load: () => Promise<LeakCase>): void {
  describe(name, () => {
    let loaded: LeakCase;
    let walk: (() => { blocks: number; usableBytes: number }) | undefined;
    const run = (leaking: boolean) => {
      const before = source.snapshot();
      const walkedBefore = walk?.();
      for (let i = 0; i < loaded.iterations; i++) loaded.step(20 + i, leaking);
      const walked = walk?.();
      const difference = (key: 'blocks' | 'usableBytes') =>
        walked === undefined ? undefined : walked[key] - walkedBefore![key];
      return {
        grown: growth(before, source.snapshot()),
        blocks: difference('blocks'),
        usableBytes: difference('usableBytes'),
      };
    };
    test('nothing in the fixed program', async () => {
      loaded = await load();
      const { malloc, free } = loaded;
      if (malloc !== undefined && free !== undefined) {
        const { exports, memory } = instances.findLast((instance) => malloc in instance.exports)!;
        walk = walker({
          memory,
          malloc: (bytes) => exports[malloc]!(bytes),
          free: (address) => void exports[free]!(address),
        });
      }
      for (let i = 0; i < 20; i++) loaded.step(i, false);
      const { grown, blocks } = run(false);
      assert.equal(blocks ?? 0, 0);
      assert.equal(grown.blocks, 0);
      assert.ok(Math.abs(grown.bytes) <= 256, `${grown.bytes} bytes`);
    });
    test('every block and byte of the leak, and who leaks', () => {
      // The first ones fill caches that the module keeps.
      for (let i = 0; i < 20; i++) loaded.step(i, true);
      const { grown, blocks, usableBytes } = run(true);
      const expected = loaded.blocks * loaded.iterations;
      assert.deepEqual(
        { traced: grown.blocks, walked: blocks ?? expected },
        { traced: expected, walked: expected },
      );
      assert.equal(grown.bytes, loaded.bytes);
      if (loaded.usableBytes !== undefined) assert.equal(usableBytes, loaded.usableBytes);
      const attributed = grown.sites.filter(({ stack }) => stack.includes(loaded.leaker));
      assert.equal(
        attributed.reduce((sum, site) => sum + site.blocks, 0),
        expected,
        JSON.stringify(grown.sites, null, 1),
      );
    });
  });
}

checkCase('sql.js: stmt.free() forgotten', async () => {
  const { default: init } = (await import('sql.js' as string)) as {
    default: () => Promise<{ Database: new () => Database }>;
  };
  interface Database {
    run(sql: string, values?: unknown[]): void;
    prepare(sql: string): { bind(values: object): void; step(): void; getAsObject(): unknown; free(): void };
  }
  const sql = await init();
  const db = new sql.Database();
  db.run('create table users(id integer primary key, name text)');
  for (let i = 0; i < 50; i++) db.run('insert into users values(?,?)', [i, `user${i}`]);
  function findUser(id: number, leaking: boolean): unknown {
    const statement = db.prepare('select * from users where id = :id');
    statement.bind({ ':id': id % 50 });
    statement.step();
    const row = statement.getAsObject();
    if (!leaking) statement.free();
    return row;
  }
  return {
    iterations: 1000,
    blocks: 11,
    bytes: 2_064_000,
    usableBytes: 2_110_664,
    leaker: 'findUser',
    malloc: 'Ia',
    free: 'Ja',
    step: (i, leaking) => void findUser(i, leaking),
  };
});

checkCase('@sqlite.org/sqlite-wasm: stmt.finalize() forgotten', async () => {
  interface Statement {
    bind(value: number): void;
    step(): void;
    get(column: number): unknown;
    finalize(): void;
  }
  interface Sqlite {
    oo1: { DB: new (name: string) => { exec(sql: string): void; prepare(sql: string): Statement } };
  }
  const { default: init } = (await import('@sqlite.org/sqlite-wasm' as string)) as {
    default: (options: object) => Promise<Sqlite>;
  };
  const sqlite = await init({ print() {}, printErr() {} });
  const db = new sqlite.oo1.DB(':memory:');
  db.exec("create table k(id integer primary key, v text); insert into k values(1,'a'),(2,'b')");
  function lookup(i: number, leaking: boolean): unknown {
    const statement = db.prepare('select v from k where id = ?');
    statement.bind(1 + (i % 2));
    statement.step();
    const value = statement.get(0);
    if (!leaking) statement.finalize();
    return value;
  }
  return {
    iterations: 1000,
    blocks: 11,
    bytes: 2_056_000,
    usableBytes: 2_100_000,
    leaker: 'lookup',
    malloc: 'malloc',
    free: 'free',
    step: (i, leaking) => void lookup(i, leaking),
  };
});

checkCase('web-tree-sitter 0.25: the old tree is not deleted', async () => {
  const { Parser, Language } = (await import('web-tree-sitter' as string)) as {
    Parser: {
      init(): Promise<void>;
      new (): { setLanguage(language: unknown): void; parse(text: string): { delete(): void } };
    };
    Language: { load(bytes: Uint8Array): Promise<unknown> };
  };
  await Parser.init();
  const grammar = readFileSync(require.resolve('tree-sitter-javascript/tree-sitter-javascript.wasm'));
  const language = await Language.load(new Uint8Array(grammar));
  const parser = new Parser();
  parser.setLanguage(language);
  let tree: { delete(): void } | undefined;
  function reparse(i: number, leaking: boolean): void {
    const text = `function f${i}(a, b) { return a * ${i} + b; }\nlet v${i} = f${i}(1, 2);\n`.repeat(10);
    const next = parser.parse(text);
    if (!leaking) tree?.delete();
    tree = next;
  }
  return {
    iterations: 300,
    blocks: 392,
    bytes: 300 * 34_964,
    leaker: 'reparse',
    malloc: 'malloc',
    free: 'free',
    step: reparse,
  };
});

checkCase('yoga-layout: root.free() where freeRecursive() is meant', async () => {
  interface Node {
    setWidth(width: number): void;
    setHeight(height: number): void;
    insertChild(child: Node, index: number): void;
    calculateLayout(width: number, height: number | undefined): void;
    getComputedHeight(): number;
    free(): void;
    freeRecursive(): void;
  }
  const { default: Yoga } = (await import('yoga-layout' as string)) as {
    default: { Node: { create(): Node } };
  };
  function layoutCard(leaking: boolean): number {
    const root = Yoga.Node.create();
    root.setWidth(300);
    for (let k = 0; k < 5; k++) {
      const child = Yoga.Node.create();
      child.setHeight(10 + k);
      root.insertChild(child, k);
    }
    root.calculateLayout(300, undefined);
    const height = root.getComputedHeight();
    if (leaking) root.free();
    else root.freeRecursive();
    return height;
  }
  return {
    iterations: 1000,
    blocks: 10,
    bytes: 2_660_000,
    leaker: 'layoutCard',
    step: (_, leaking) => void layoutCard(leaking),
  };
});

checkCase('vscode-oniguruma: OnigString.dispose() forgotten', async () => {
  interface Match {
    captureIndices: { end: number }[];
  }
  interface OnigString {
    dispose(): void;
  }
  const onig = (
    require as unknown as (name: string) => {
      loadWASM(bytes: ArrayBuffer): Promise<void>;
      createOnigScanner(patterns: string[]): {
        findNextMatchSync(text: OnigString, from: number): Match | null;
      };
      createOnigString(text: string): OnigString;
    }
  )('vscode-oniguruma');
  const bytes = readFileSync(require.resolve('vscode-oniguruma/release/onig.wasm'));
  await onig.loadWASM(new Uint8Array(bytes).buffer);
  const scanner = onig.createOnigScanner(['\\bfunction\\b', '[a-z]+', '\\d+']);
  const lineOf = (i: number): string => `const value${i} = call(${i}, "text");`;
  function tokenizeLine(i: number, leaking: boolean): void {
    const text = onig.createOnigString(lineOf(i));
    let position = 0;
    for (;;) {
      const match = scanner.findNextMatchSync(text, position);
      if (match === null || match.captureIndices[0]!.end <= position) break;
      position = match.captureIndices[0]!.end;
    }
    if (!leaking) text.dispose();
  }
  let asked = 0;
  for (let i = 20; i < 2020; i++) asked += lineOf(i).length;
  return {
    iterations: 2000,
    blocks: 1,
    bytes: asked,
    usableBytes: 80_160,
    leaker: 'tokenizeLine',
    malloc: 'malloc',
    free: 'free',
    step: tokenizeLine,
  };
});

test('nothing was warned of', () => {
  assert.deepEqual(
    warnings.filter((line) => !line.includes('tree-sitter-javascript')),
    [],
  );
});
