import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import type { Frame } from '../../src/heap/frame.js';
import { SourceMaps } from '../../src/node/source-maps.js';

const SOURCE = `// one line that is gone from the output
type Row = { id: number };

export function rememberEverything(rows: Row[]): number {
  return rows.push({ id: rows.length });
}
`;

interface Built {
  readonly script: string;
  readonly source: string;
  /** The frame of \`rememberEverything\` as V8 places it: at the parenthesis after the name. */
  readonly frame: Frame;
}

function built(sourcemap: 'inline' | 'linked', minify = false): Built {
  const dir = mkdtempSync(join(tmpdir(), 'otrace maps-'));
  mkdirSync(join(dir, 'src'));
  mkdirSync(join(dir, 'dist'));
  const source = join(dir, 'src', 'rows.ts');
  const script = join(dir, 'dist', 'rows.js');
  writeFileSync(source, SOURCE);
  buildSync({ entryPoints: [source], outfile: script, sourcemap, minify, bundle: true, format: 'cjs' });
  return {
    script,
    source,
    frame: frameIn(script, minify ? /function (\w+)\(\w+\)\{return/ : /function (rem\w+)\(/),
  };
}

function frameIn(script: string, pattern: RegExp): Frame {
  const lines = readFileSync(script, 'utf8').split('\n');
  for (const [index, text] of lines.entries()) {
    const match = pattern.exec(text);
    if (match?.[1] === undefined) continue;
    return { name: match[1], file: script, line: index + 1, column: match.index + 9 + match[1].length + 1 };
  }
  assert.fail(`${pattern} is not in ${script}`);
}

function assertMapped({ source, frame }: Built, file = frame.file): void {
  const mapped = new SourceMaps().mapFrame({ ...frame, file });
  assert.deepEqual(
    [mapped.name, mapped.file, mapped.line, mapped.column],
    ['rememberEverything', source, 4, 'export function '.length + 1],
  );
}

describe('source maps', () => {
  it('follows an inline map', () => assertMapped(built('inline')));

  it('follows a map beside the script, by path and by URL', () => {
    const linked = built('linked');
    assertMapped(linked);
    assertMapped(linked, pathToFileURL(linked.script).href);
  });

  it('reads no map again for a position that was asked for, though the map is gone', async () => {
    const { script, source, frame } = built('inline');
    const maps = new SourceMaps();
    const first = maps.mapFrame(frame);
    unlinkSync(script);
    await new Promise((turn) => setImmediate(turn)); // what a weak reference gave is held until the turn ends
    globalThis.gc!();
    assert.deepEqual(maps.mapFrame({ ...frame }), first);
    assert.equal(first.file, source);
    const elsewhere = { ...frame, line: frame.line + 1 };
    assert.equal(maps.mapFrame(elsewhere), elsewhere, 'the map was held on to');
  });

  it('gives a minified function its name back', () => {
    const minified = built('linked', true);
    assert.notEqual(minified.frame.name, 'rememberEverything');
    assertMapped(minified);
  });

  it('follows an index map', () => {
    const linked = built('linked');
    const map = JSON.parse(readFileSync(`${linked.script}.map`, 'utf8'));
    const index = { version: 3, sections: [{ offset: { line: 0, column: 0 }, map }] };
    writeFileSync(`${linked.script}.map`, JSON.stringify(index));
    assertMapped(linked);
  });

  it('honours sourceRoot', () => {
    const linked = built('linked');
    const map = JSON.parse(readFileSync(`${linked.script}.map`, 'utf8'));
    writeFileSync(
      `${linked.script}.map`,
      JSON.stringify({ ...map, sourceRoot: '../src', sources: ['rows.ts'] }),
    );
    assertMapped(linked);
  });

  it('leaves a frame alone when its map is missing, broken or on the network', () => {
    const { script, frame } = built('linked');
    const broken = [
      '',
      '{',
      '{"version":3,"sources":"no","mappings":7}',
      'null',
      '{"version":3,"sections":[{}]}',
    ];
    for (const text of broken) {
      writeFileSync(`${script}.map`, text);
      assert.equal(new SourceMaps().mapFrame(frame), frame, text);
    }
    for (const reference of [
      'gone.map',
      'https://example.com/a.map',
      'data:,x',
      'data:application/json;base64,%',
      'http://[',
    ]) {
      writeFileSync(script, `// nothing\n//# sourceMappingURL=${reference}\n`);
      assert.equal(new SourceMaps().mapFrame({ ...frame, line: 1 }).line, 1, reference);
    }
  });

  it('leaves alone what has no position or is no file', () => {
    const maps = new SourceMaps();
    for (const file of [
      '',
      'eval',
      'node:events',
      'https://example.com/a.js',
      '/nowhere/a.js',
      'file:///nowhere/a.js',
    ]) {
      const frame = { name: 'f', file, line: 3, column: 1 };
      assert.equal(maps.mapFrame(frame), frame);
    }
    const noLine = { name: 'f', file: built('inline').script, line: 0, column: 0 };
    assert.equal(maps.mapFrame(noLine), noLine);
  });

  it('maps what tsx compiles in memory, once', () => {
    const program = fileURLToPath(new URL('programs/maps-itself.ts', import.meta.url));
    const child = spawnSync(process.execPath, ['--import', 'tsx', program], { encoding: 'utf8' });
    assert.equal(child.stderr, '');
    const { raw, mapped } = JSON.parse(child.stdout) as { raw: Frame; mapped: Frame };
    const lines = readFileSync(program, 'utf8').split('\n');
    assert.equal(mapped.file, program);
    assert.match(lines[mapped.line - 1] ?? '', /function holdRows/);
    assert.notEqual(raw.line, mapped.line);
  });
});
