/**
 * What tracing costs sql.js: rows inserted by a prepared statement, and queries prepared, run and freed; untouched and
 * with each kind of tracing.
 *
 *     node --import tsx bench/sqljs.ts [rows]
 *
 * Each variant is an instance of its own in one process. They take turns in rounds of 1,000 rows and 20 queries; printed
 * are the sums of the best rounds, scaled to all rows (default 100,000) and 2,000 queries.
 */
import { createRequire } from 'node:module';
import { traced } from '../test/sources/wasm/traced.js';

const require = createRequire(import.meta.url);
const ROWS = Number(process.argv[2] ?? 100_000);
const QUERIES = 2_000;
const ROUNDS = 100;

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

interface Variant {
  readonly name: string;
  readonly database: Database;
  insertMs: number;
  queryMs: number;
}

/** A copy of the library of its own, so that each has its own module: it remembers the first one otherwise. */
async function open(): Promise<Database> {
  const path = require.resolve('sql.js');
  delete require.cache[path];
  const init = require(path) as () => Promise<{ Database: new () => Database }>;
  const { Database } = await init();
  const database = new Database();
  database.run('create table t(id integer primary key, name text, score real)');
  return database;
}

async function openTraced(contexts: boolean, sampling: number): Promise<Database> {
  const { Module, Instance, compile, instantiate } = WebAssembly;
  const exportsOf = Object.getOwnPropertyDescriptor(Instance.prototype, 'exports')!;
  const { source } = traced({ contexts }, sampling);
  source.install();
  source.arm();
  const database = await open();
  Object.assign(WebAssembly, { Module, Instance, compile, instantiate });
  Object.defineProperty(Instance.prototype, 'exports', exportsOf);
  if (source.snapshot().liveBlocks === 0) throw new Error('not traced');
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

const variants: Variant[] = [];
const add = (name: string, database: Database): void => {
  variants.push({ name, database, insertMs: Number.POSITIVE_INFINITY, queryMs: Number.POSITIVE_INFINITY });
};
add('untouched', await open());
add('hooked, sampling 0, no contexts', await openTraced(false, 0));
add('contexts, sampling 0', await openTraced(true, 0));
add('contexts, sampling 0.15', await openTraced(true, 0.15));
add('contexts, sampling 1', await openTraced(true, 1));
add('untouched, again', await open());

const roundRows = 1_000;
const roundQueries = 20;
for (let round = 0; round < ROUNDS; round++) {
  for (const variant of variants) {
    const { database } = variant;
    const insertMs = timed(() => insert(database, round * roundRows, roundRows));
    const queryMs = timed(() => query(database, round * roundQueries, roundQueries));
    variant.insertMs = Math.min(variant.insertMs, insertMs);
    variant.queryMs = Math.min(variant.queryMs, queryMs);
  }
}
const [base] = variants as [Variant];
for (const { name, insertMs, queryMs } of variants) {
  const insertRatio = (insertMs / base.insertMs).toFixed(2);
  const queryRatio = (queryMs / base.queryMs).toFixed(2);
  const inserts = ((insertMs * ROWS) / roundRows).toFixed(0);
  const queries = ((queryMs * QUERIES) / roundQueries).toFixed(0);
  console.log(
    `${name.padEnd(34)} inserts ${inserts} ms (${insertRatio})  queries ${queries} ms (${queryRatio})`,
  );
}
