/**
 * What tracing costs sql.js: rows inserted by a prepared statement, and queries prepared, run and freed; untouched and
 * with each kind of tracing.
 *
 *     node --import tsx bench/sqljs.ts [rows]
 *
 * Each variant runs in a process of its own, as a program would have it: in one process the first instance is the fastest,
 * whatever is done to it. The processes take turns; the best round of 1,000 rows and 20 queries counts, scaled to all rows (default 100,000) and 2,000 queries.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { traced } from '../test/sources/wasm/traced.js';

const require = createRequire(import.meta.url);
const ROWS = Number(process.argv[2] ?? 100_000);
const QUERIES = 2_000;
const TURNS = 5;
const ROUND_ROWS = 1_000;
const ROUND_QUERIES = 20;

const VARIANTS: readonly {
  readonly name: string;
  readonly contexts?: boolean;
  readonly sampling?: number;
}[] = [
  { name: 'untouched' },
  { name: 'hooked, sampling 0, no contexts', contexts: false, sampling: 0 },
  { name: 'contexts, sampling 0', contexts: true, sampling: 0 },
  { name: 'contexts, sampling 0.15', contexts: true, sampling: 0.15 },
  { name: 'contexts, sampling 1', contexts: true, sampling: 1 },
  { name: 'untouched, again' },
];

interface Statement {
  run(values: unknown[]): void;
  bind(values: unknown[]): void;
  step(): boolean;
  get(): unknown[];
  free(): void;
}

interface Database {
  run(sql: string): void;
  prepare(sql: string): Statement;
}

async function open({ contexts, sampling }: (typeof VARIANTS)[number]): Promise<Database> {
  const source = contexts === undefined ? undefined : traced({ contexts }, sampling).source;
  source?.install();
  source?.arm();
  const init = require('sql.js') as () => Promise<{ Database: new () => Database }>;
  const { Database } = await init();
  const database = new Database();
  database.run('create table t(id integer primary key, name text, score real)');
  if (source?.snapshot().liveBlocks === 0) throw new Error('not traced');
  return database;
}

function insert(database: Database, from: number, rows: number): void {
  database.run('begin');
  const statement = database.prepare('insert into t(name, score) values(?, ?)');
  for (let i = from; i < from + rows; i++) statement.run([`name ${i % 97}`, (i * 7919) % 1000]);
  statement.free();
  database.run('commit');
}

function query(database: Database, from: number, queries: number): void {
  for (let i = from; i < from + queries; i++) {
    const statement = database.prepare('select name, score from t where id = ?');
    statement.bind([i]);
    if (statement.step()) statement.get();
    statement.free();
  }
}

const timed = (work: () => void): number => {
  const start = performance.now();
  work();
  return performance.now() - start;
};

interface Times {
  readonly insertMs: number;
  readonly queryMs: number;
}

/** The best of all rounds, in this process. */
async function measure(variant: (typeof VARIANTS)[number]): Promise<Times> {
  const database = await open(variant);
  let [insertMs, queryMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < ROWS / ROUND_ROWS; round++) {
    insertMs = Math.min(
      insertMs,
      timed(() => insert(database, round * ROUND_ROWS, ROUND_ROWS)),
    );
    queryMs = Math.min(
      queryMs,
      timed(() => query(database, round * ROUND_QUERIES, ROUND_QUERIES)),
    );
  }
  return { insertMs, queryMs };
}

function measureElsewhere(variant: number): Times {
  const args = [...process.execArgv, new URL(import.meta.url).pathname, String(ROWS), String(variant)];
  const { stdout } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(stdout) as Times;
}

const chosen = VARIANTS[Number(process.argv[3])];
if (chosen !== undefined) {
  console.log(JSON.stringify(await measure(chosen)));
} else {
  const bests = VARIANTS.map(() => ({
    insertMs: Number.POSITIVE_INFINITY,
    queryMs: Number.POSITIVE_INFINITY,
  }));
  for (let turn = 0; turn < TURNS; turn++) {
    bests.forEach((best, variant) => {
      const { insertMs, queryMs } = measureElsewhere(variant);
      best.insertMs = Math.min(best.insertMs, insertMs);
      best.queryMs = Math.min(best.queryMs, queryMs);
    });
  }
  const [base] = bests as [Times];
  bests.forEach(({ insertMs, queryMs }, variant) => {
    const inserts = `${((insertMs * ROWS) / ROUND_ROWS).toFixed(0)} ms (${(insertMs / base.insertMs).toFixed(2)})`;
    const queries = `${((queryMs * QUERIES) / ROUND_QUERIES).toFixed(0)} ms (${(queryMs / base.queryMs).toFixed(2)})`;
    console.log(`${VARIANTS[variant]!.name.padEnd(34)} inserts ${inserts}  queries ${queries}`);
  });
}
