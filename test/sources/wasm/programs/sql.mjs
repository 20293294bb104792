// sql.js: a table, rows with text, an index, queries of several shapes, and everything closed at the end.
import initSqlJs from 'sql.js';

// The library names its files with random numbers, and the length of a name is the size of a block.
Math.random = () => 0.5;
const SQL = await initSqlJs();
const db = new SQL.Database();
db.run('create table t(id integer primary key, name text, score real)');
const insert = db.prepare('insert into t(name, score) values(?, ?)');
for (let i = 0; i < 2000; i++) insert.run([`name ${i % 97} ${'x'.repeat(i % 300)}`, (i * 7919) % 1000]);
insert.free();
db.run('create index by_score on t(score)');
db.create_function('twice', (value) => value * 2);
const results = [
  db.exec('select count(*), sum(score), max(length(name)) from t'),
  db.exec('select substr(name, 1, 7) as n, count(*) from t group by n order by n limit 5'),
  db.exec('select twice(score) from t where score > 990 order by id limit 4'),
  db.exec("select group_concat(id) from t where name like 'name 9%' and score < 40"),
];
let failure = '';
try {
  db.exec('select nonsense from nowhere');
} catch (error) {
  failure = String(error);
}
const bytes = db.export().length;
db.close();
console.log(JSON.stringify({ results, failure, bytes }));
