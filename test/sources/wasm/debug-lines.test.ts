/**
 * Source lines from DWARF: of small modules kept beside this file, in stacks of the source, against LLVM's own
 * symbolizer where it is installed, and from damaged sections.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CustomSections } from '../../../src/sources/wasm/custom-sections.js';
import { DebugLines } from '../../../src/sources/wasm/debug-lines.js';
import { demangle } from '../../../src/sources/wasm/demangle.js';
import { ModulePreparation } from '../../../src/sources/wasm/module-preparation.js';
import { parseModule } from '../../../src/sources/wasm/module-sections.js';
import { joinPath } from '../../../src/sources/wasm/source-path.js';
import { SECTION } from '../../../src/wat/binary-codes.js';
import { REAL_MODULES } from './real-modules.js';
import { seededRandom } from './seeded-random.js';
import { growth, traced } from './traced.js';

type Bytes = Uint8Array<ArrayBuffer>;
type Api = Record<string, (...values: number[]) => number>;

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), 'lines');
const FIXTURES = ['dwarf4-O0', 'dwarf4-O2', 'dwarf5-O0', 'dwarf5-O2'];
const fixture = (name: string): Bytes => new Uint8Array(readFileSync(join(FOLDER, `${name}.wasm`)));

/** The lines of a module; `damaged` may replace sections. */
function linesOf(bytes: Bytes, damaged: ReadonlyMap<string, Uint8Array> = new Map()) {
  const module = parseModule(bytes);
  const code = module.section(SECTION.code)!;
  const first = module.code.bodyStarts[0]!;
  const section = (name: string): Uint8Array | undefined => {
    const found = module.customSection(name);
    return damaged.get(name) ?? (found && bytes.subarray(found.start, found.end));
  };
  return { lines: new DebugLines(section, code.start, first), code, first };
}

/** Rewritten and compiled by another thread, as far as this one can tell. */
const received = new WebAssembly.Module(
  new ModulePreparation({
    names: {},
    contexts: true,
    warn: (message) => assert.fail(message),
    leaveAlone: () => false,
  }).prepare(fixture('dwarf4-O2'), () => 'lines.wasm')!.bytes as Bytes,
);

const { source, warnings } = traced({ displayPath: (file) => file.replace('/project/', '') });
source.install();
source.arm();

for (const name of FIXTURES) {
  test(`${name}: stacks name the lines of the source, inlined calls as frames of their own`, () => {
    const api = new WebAssembly.Instance(new WebAssembly.Module(fixture(name))).exports as unknown as Api;
    const before = source.snapshot();
    api['draw']!(10, 1);
    const [site] = growth(before, source.snapshot()).sites;
    const stack = site!.stack.replaceAll(/:\d+\)/g, ')').split(' <- ');
    assert.deepEqual(stack.slice(0, 5), [
      'shapes::Pool<double>::take(int) (lines.cpp:17)',
      'shapes::Shape::grow() (lines.cpp:25)',
      'shapes::Shape::draw(int) (lines.cpp:32)',
      'shapes::Shape::draw(int) (lines.cpp:31)',
      'draw (lines.cpp:38)',
    ]);
    assert.ok(stack.length > 5, 'the JavaScript that called follows');
    assert.equal(site!.bytes, 80);
  });
}

test('so do those of a module that another thread rewrote', () => {
  const api = new WebAssembly.Instance(received).exports as unknown as Api;
  const before = source.snapshot();
  api['draw']!(10, 1);
  const [site] = growth(before, source.snapshot()).sites;
  assert.match(site!.stack, /^shapes::Pool<double>::take\(int\) \(lines\.cpp:17:\d+\) <- /);
});

describe('every position is that of llvm-symbolizer', () => {
  const installed = spawnSync('llvm-symbolizer', ['--version']).status === 0;
  const modules: [string, string, ambiguous: number][] = FIXTURES.map((name) => [
    name,
    join(FOLDER, `${name}.wasm`),
    0,
  ]);
  // Binaryen, which worked on it last, leaves ranges of dlmalloc's inlined functions that overlap.
  modules.push(['web-tree-sitter (debug)', 'node_modules/web-tree-sitter/debug/tree-sitter.wasm', 0.01]);
  for (const [name, path, ambiguous] of modules) {
    test(name, { skip: installed ? false : 'it is not installed' }, () => {
      const bytes = name in REAL_MODULES ? REAL_MODULES[name]!() : new Uint8Array(readFileSync(path));
      const { lines, code, first } = linesOf(bytes);
      const addresses: number[] = [];
      const step = Math.ceil((code.end - first) / 2000);
      for (let at = first; at < code.end; at += step) addresses.push(at - code.start);
      const { stdout } = spawnSync('llvm-symbolizer', ['--inlines', `--obj=${path}`], {
        input: addresses.map((address) => `0x${address.toString(16)}\n`).join(''),
        encoding: 'utf8',
        maxBuffer: 1 << 26,
      });
      const answers = stdout.trimEnd().split('\n\n');
      assert.equal(answers.length, addresses.length);
      let differ = 0;
      let known = 0;
      for (const [i, address] of addresses.entries()) {
        const expected: string[] = [];
        const answer = answers[i]!.split('\n');
        for (let k = 0; k < answer.length; k += 2) {
          const [, file, position] = /^(.*?)(:\d+:\d+)$/.exec(answer[k + 1]!)!;
          if (file !== '??')
            expected.push(`${answer[k]!.replaceAll('> >', '>>')} ${joinPath(file!)}${position}`);
        }
        const actual = lines
          .positionsAt(address + code.start)
          .map(({ name, file, line, column }) => `${demangle(name)} ${file}:${line}:${column}`);
        if (expected.length > 0) known++;
        if (expected.join('\n') === actual.join('\n')) continue;
        differ++;
        if (ambiguous === 0 && expected.length > 0)
          assert.deepEqual(actual, expected, `at 0x${address.toString(16)}`);
      }
      assert.ok(known > 0.9 * addresses.length);
      assert.ok(differ <= ambiguous * addresses.length, `${differ} of ${addresses.length} differ`);
    });
  }
});

test('damaged sections give other positions or none, soon', () => {
  const NAMES = [
    '.debug_line',
    '.debug_info',
    '.debug_abbrev',
    '.debug_str',
    '.debug_line_str',
    '.debug_addr',
  ];
  let changed = 0;
  for (const name of FIXTURES) {
    const bytes = fixture(name);
    const module = parseModule(bytes);
    const intact = linesOf(bytes);
    const offsets = [...module.code.bodyStarts].flatMap((start) => [start + 9, start + 40, start + 90]);
    const expected = JSON.stringify(offsets.map((offset) => intact.lines.positionsAt(offset)));
    const began = performance.now();
    for (let seed = 1; seed <= 400; seed++) {
      const random = seededRandom(seed);
      const hit = NAMES[random(NAMES.length)]!;
      const section = module.customSection(hit);
      if (section === undefined) continue;
      let content = bytes.slice(section.start, section.end);
      if (random(4) === 0) content = content.slice(0, random(content.length));
      else for (let left = 1 + random(4); left > 0; left--) content[random(content.length)] = random(256);
      const { lines } = linesOf(bytes, new Map([[hit, content]]));
      if (JSON.stringify(offsets.map((offset) => lines.positionsAt(offset))) !== expected) changed++;
    }
    assert.ok(performance.now() - began < 20_000);
  }
  assert.ok(changed > 300, `${changed}`);
});

test('sections are read from whichever module of the same bytes is left, and none is kept alive', async () => {
  const bytes = fixture('dwarf5-O2');
  let module: WebAssembly.Module | undefined = new WebAssembly.Module(bytes);
  const reference = new WeakRef(module);
  const sections = new CustomSections(module);
  assert.equal(sections.bytes('no such'), undefined);
  const length = sections.bytes('.debug_line')!.length;
  const other = new WebAssembly.Module(bytes);
  sections.add(other);
  sections.add(module);
  module = undefined;
  for (let tries = 0; tries < 50 && reference.deref() !== undefined; tries++) {
    await turn();
    gc!();
  }
  assert.equal(reference.deref(), undefined);
  assert.equal(sections.bytes('.debug_line')?.length, length);
  assert.ok(sections.bytes('.debug_info') !== undefined);
  assert.ok(WebAssembly.Module.customSections(other, '.debug_line').length > 0);
});

test('paths of the compiler, POSIX and Windows', () => {
  assert.equal(joinPath('/home', './src/../lib', 'a.c'), '/home/lib/a.c');
  assert.equal(joinPath('/work', '/usr/include', 'a.h'), '/usr/include/a.h');
  assert.equal(joinPath('C:\\home', 'src', 'a.c'), 'C:/home/src/a.c');
  assert.equal(joinPath('', '../b', 'a.c'), '../b/a.c');
  assert.equal(joinPath('/a', '', '/../b.c'), '/../b.c');
});

test('nothing was warned of', () => {
  assert.deepEqual(warnings, []);
});
