// Who may import whom (see ARCHITECTURE.md), read from the sources themselves.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const src = join(dirname(fileURLToPath(import.meta.url)), '..', 'src');

/** For each folder the folders that its files may import beside their own. */
const LAW: Readonly<Record<string, readonly string[]>> = {
  recorder: [],
  wat: [],
  heap: ['recorder', 'wat'],
  sources: ['heap', 'wat'],
  output: ['recorder'],
  node: ['recorder', 'heap', 'sources', 'output'],
};

const NO_NODE =
  /^(recorder|wat|heap)\/|^output\/(trace-json|event-json|json-bytes|json-digits|log-phrases)\.ts$|^browser\.ts$/;

interface Import {
  readonly file: string;
  readonly target: string;
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));

const imports: Import[] = files.flatMap((name) => {
  const file = name.replaceAll('\\', '/');
  const text = readFileSync(join(src, name), 'utf8');
  const found = text.matchAll(
    /(?:^|\n)(?:import|export)\s[^;]*?from\s+'([^']+)'|import\('([^']+)'\)|require\('([^']+)'\)/g,
  );
  return [...found].map((match) => ({ file, target: (match[1] ?? match[2] ?? match[3])! }));
});

function folderOf(file: string): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : '';
}

function resolved({ file, target }: Import): string {
  return relative(src, join(src, dirname(file), target)).replaceAll('\\', '/');
}

test('each folder imports only what the law allows', () => {
  assert.ok(imports.length > 100, 'the sources were read');
  for (const entry of imports.filter(({ target }) => target.startsWith('.'))) {
    const from = folderOf(entry.file);
    const allowed = LAW[from];
    if (allowed === undefined) continue;
    const to = folderOf(resolved(entry));
    const fine = to === from || allowed.includes(to) || resolved(entry) === 'errors.js';
    assert.ok(fine, `${entry.file} imports ${entry.target}`);
  }
});

test('what runs in browsers imports nothing of Node', () => {
  for (const { file, target } of imports) {
    if (NO_NODE.test(file)) assert.ok(!target.startsWith('node:'), `${file} imports ${target}`);
  }
});

test('only the command line and the readers import packages', () => {
  for (const { file, target } of imports) {
    const isPackage = !target.startsWith('.') && !target.startsWith('node:') && target !== 'otrace';
    const mayImport = /^(cli|reading)\//.test(file) || file === 'cli.ts';
    assert.ok(!isPackage || mayImport, `${file} imports ${target}`);
  }
});

test('nothing but the command line imports it or the readers', () => {
  for (const entry of imports.filter(({ target }) => target.startsWith('.'))) {
    const to = folderOf(resolved(entry));
    const from = folderOf(entry.file);
    if (to === 'cli')
      assert.ok(from === 'cli' || entry.file === 'cli.ts', `${entry.file} imports ${entry.target}`);
    if (to === 'reading')
      assert.ok(from === 'cli' || from === 'reading', `${entry.file} imports ${entry.target}`);
  }
});
