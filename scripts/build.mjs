// Builds dist/: one bundle an entry (a preload must load in milliseconds, so no file tree to walk), ESM with
// shared chunks, CommonJS with none, and the declarations of both. Packages stay external: only the CLI has any.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const loaded = ['index', 'off', 'macros'];
const entry = (name) => join(root, 'src', `${name}.ts`);

rmSync(join(root, 'dist'), { recursive: true, force: true });

// Taken before any hook is in place: otrace's own buffers are not the program's.
const ownBuffers =
  'const { ArrayBuffer, SharedArrayBuffer, Uint8Array, Uint16Array, Int32Array, Uint32Array, Float64Array, BigInt64Array, BigUint64Array } = globalThis;';

// Half the text is half the time to parse it, and V8 keeps text with a single wider character at two bytes each.
const small = { format: 'cjs', minifyWhitespace: true, charset: 'ascii' };

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  packages: 'external',
  external: ['otrace'], // macros use whichever `otrace` the export conditions choose
  charset: 'utf8',
  minifySyntax: true, // constants become numbers: as variables of the bundle they cost an event a tenth
  logLevel: 'warning',
};

// A CommonJS bundle has a `require` already: to make one takes 0.1 ms, and a start comes to a dozen of them.
const ownRequire = {
  name: 'own-require',
  setup: ({ onLoad }) => {
    onLoad({ filter: /src.*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll('createRequire(import.meta.url)', 'otraceRequire'),
      loader: 'ts',
    }));
  },
};

// The program that replays journals, assembled here: whoever counts much waits for its start in the middle of his work.
const replayFile = entry('heap/replay-program');
const {
  outputFiles: [assembler],
} = await build({ ...common, entryPoints: [replayFile], format: 'esm', write: false });
const { replayProgram } = await import(`data:text/javascript,${encodeURIComponent(assembler.text)}`);
const assembled = (shared) => JSON.stringify(Buffer.from(replayProgram(shared)).toString('base64'));
const assembledReplay = {
  name: 'assembled-replay',
  setup: ({ onLoad }) => {
    onLoad({ filter: /replay-program\.ts$/ }, () => ({
      contents: `export const replayProgram = (shared) =>
        Uint8Array.from(atob(shared ? ${assembled(true)} : ${assembled(false)}), (char) => char.charCodeAt(0));`,
    }));
  },
};

await Promise.all([
  build({
    ...common,
    format: 'esm',
    splitting: true,
    outdir: 'dist/esm',
    banner: { js: ownBuffers },
    entryPoints: [...loaded, 'hooks', 'browser'].map(entry),
    plugins: [assembledReplay],
    define: { OTRACE_VERSION: JSON.stringify(version) },
  }),
  build({
    ...common,
    ...small,
    outdir: 'dist/cjs',
    entryPoints: {
      ...Object.fromEntries(loaded.map((name) => [name, entry(name)])),
      attach: entry('hooks'),
      verbs: entry('cli'),
      'wasm-source': entry('sources/wasm/wasm-source'),
      'replay-program': entry('heap/replay-program'),
      'object-tracking': entry('sources/v8/object-tracking'),
    },
    banner: {
      js: `const otraceRequire = require, otraceModuleUrl = require('node:url').pathToFileURL(__filename).href;\n${ownBuffers}`,
    },
    plugins: [assembledReplay, ownRequire],
    define: { OTRACE_VERSION: JSON.stringify(version), 'import.meta.url': 'otraceModuleUrl' },
  }),
]);

// What is preloaded, and what is started: a few lines, which load `attach.js` when there is something for it to do, and
// `verbs.js`.
const digestOf = (bundle) =>
  JSON.stringify(
    createHash('sha256')
      .update(readFileSync(join(root, 'dist/cjs', bundle)))
      .digest('hex')
      .slice(0, 16),
  );
await build({
  ...common,
  ...small,
  outdir: 'dist/cjs',
  entryPoints: { hooks: entry('node/preload'), cli: entry('cli/launch') },
  external: ['./attach.js', './verbs.js'],
  define: { OTRACE_ATTACH_DIGEST: digestOf('attach.js'), OTRACE_VERBS_DIGEST: digestOf('verbs.js') },
});

// The same declarations serve both formats: the nearest package.json decides how a .d.ts is read.
const tsc = createRequire(import.meta.url).resolve('typescript/package.json');
execFileSync(process.execPath, [join(dirname(tsc), 'bin', 'tsc'), '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
cpSync(join(root, 'dist', 'esm'), join(root, 'dist', 'cjs'), {
  recursive: true,
  filter: (from) => !from.endsWith('.js'),
});
writeFileSync(join(root, 'dist', 'cjs', 'package.json'), '{ "type": "commonjs" }\n');
