/** Published modules, rewritten: the engine accepts them, and their programs compute what they did before. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type AllocationShape, SHAPES } from '../../../src/sources/wasm/allocation-hook.js';
import { parseModule } from '../../../src/sources/wasm/module-sections.js';
import { rewriteModule } from '../../../src/sources/wasm/rewrite.js';
import { hooksByName } from './hooked.js';
import { REAL_MODULES } from './real-modules.js';

const { malloc, free } = SHAPES;
const PROGRAMS = join(dirname(fileURLToPath(import.meta.url)), 'programs');

/** The allocators of the modules, by the names that these builds happen to give them. */
const ALLOCATORS: Record<string, Record<string, AllocationShape>> = {
  'sql.js': { Ia: malloc, Ja: free },
  'source-map': { allocate_mappings: malloc, free_mappings: free },
  'vscode-oniguruma': { malloc, free },
  'web-tree-sitter': { malloc, calloc: SHAPES.calloc, realloc: SHAPES.realloc, free },
  'web-tree-sitter (debug)': { malloc, calloc: SHAPES.calloc, realloc: SHAPES.realloc, free },
  'yoga-layout': { I: malloc, K: free },
};

for (const [name, load] of Object.entries(REAL_MODULES)) {
  test(`${name} rewritten is valid, and no more than 30 % larger`, () => {
    const bytes = load();
    const module = parseModule(bytes);
    const hooks = hooksByName(module, ALLOCATORS[name]!);
    const plain = rewriteModule(module, { hooks, contexts: false, start: 'moved' });
    assert.ok(WebAssembly.validate(plain.bytes as Uint8Array<ArrayBuffer>));
    assert.ok(plain.bytes.length < bytes.length + 1000);
    const withContexts = rewriteModule(module, { hooks, contexts: true, start: 'kept' });
    assert.ok(WebAssembly.validate(withContexts.bytes as Uint8Array<ArrayBuffer>));
    assert.ok(withContexts.bytes.length < bytes.length * 1.3, `${withContexts.bytes.length / bytes.length}`);
  });
}

interface Summary {
  readonly allocated: number;
  readonly reallocated: number;
  readonly bytes: number;
  readonly live: number;
  readonly contexts: number;
  readonly entries: number;
  readonly atRest: boolean;
}

/** Runs a program as a process of its own; hooked when an allocator is given. */
function run(
  program: string,
  allocator?: Record<string, AllocationShape>,
  contexts = false,
): { stdout: string; summary: Summary | undefined } {
  const preload = allocator === undefined ? [] : ['--import', join(PROGRAMS, 'hook-everything.ts')];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', ...preload, join(PROGRAMS, program)],
    {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
      env: {
        ...process.env,
        WASM_HOOKS: JSON.stringify(allocator ?? {}),
        WASM_CONTEXTS: contexts ? '1' : '0',
      },
    },
  );
  assert.equal(status, 0, stderr);
  const told = /hooked (\[.*\])/.exec(stderr)?.[1];
  return { stdout, summary: told === undefined ? undefined : (JSON.parse(told) as Summary[])[0] };
}

describe('programs compute the same with their modules hooked', () => {
  const programs: [
    string,
    Record<string, AllocationShape>,
    leastAllocations: number,
    leastContexts: number,
  ][] = [
    ['sql.mjs', ALLOCATORS['sql.js']!, 4000, 80],
    ['yoga.mjs', ALLOCATORS['yoga-layout']!, 300, 3],
    ['oniguruma.mjs', ALLOCATORS['vscode-oniguruma']!, 500, 10],
    ['source-map.mjs', ALLOCATORS['source-map']!, 10, 1],
  ];
  for (const [program, allocator, leastAllocations, leastContexts] of programs) {
    test(program, () => {
      const untouched = run(program);
      assert.ok(untouched.stdout.length > 100);
      const plain = run(program, allocator);
      const contexts = run(program, allocator, true);
      assert.equal(plain.stdout, untouched.stdout);
      assert.equal(contexts.stdout, untouched.stdout);
      const { contexts: sites, entries, ...told } = contexts.summary!;
      const { contexts: _none, entries: _same, ...toldPlain } = plain.summary!;
      assert.deepEqual(told, toldPlain, 'contexts change nothing of what is told');
      assert.ok(told.allocated >= leastAllocations, `${told.allocated} allocations`);
      assert.ok(sites >= leastContexts && sites < told.allocated, `${sites} contexts`);
      assert.ok(entries > 0 && entries <= told.allocated);
      assert.ok(told.atRest);
    });
  }
});
