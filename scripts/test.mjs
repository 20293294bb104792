// Runs test/**/*.test.ts with Node's own runner on the Node that runs this script. Arguments narrow the set:
//   npm test -- heap            only files whose path contains "heap"
// The runner's own glob is newer than Node 20, so the files are listed here.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const wanted = process.argv.slice(2);

const files = readdirSync(join(root, 'test'), { recursive: true })
  .map((name) => relative(root, join(root, 'test', name)))
  .filter((name) => name.endsWith('.test.ts'))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .sort();

if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(' ') || 'test/**/*.test.ts'}`);
  process.exit(1);
}

const run = spawnSync(
  process.execPath,
  [
    '--expose-gc',
    '--import',
    'tsx',
    '--test',
    // One more than there are processors: many tests wait for a child process.
    `--test-concurrency=${process.env.TEST_CONCURRENCY ?? availableParallelism() + 1}`,
    '--test-reporter',
    process.env.TEST_REPORTER ?? 'spec',
    ...files,
  ],
  { cwd: root, stdio: 'inherit' },
);
process.exit(run.status ?? 1);
