// One leak of each kind: in a window (`exact`), since a mark (`mark`), or just so (`none`).
import { EventEmitter } from 'node:events';
import { writeSync } from 'node:fs';

const { heap } = await import(process.argv[3]);

class InMap {}
class InSet {}
class InArray {}
class InProperty {}
class InClosure {}
class InListener {}
class InTimer {}
class InGlobal {}
class InAbort {}
class InList {}
class InWeakRef {}
class InWeakMap {}
class Dropped {}

const COUNT = 200;
const map = new Map();
const set = new Set();
const array = [];
const object = {};
const functions = [];
const emitter = new EventEmitter();
emitter.setMaxListeners(0);
const aborter = new AbortController();
const weakRefs = [];
const weakMap = new WeakMap();
let list;

function leak() {
  globalThis.inGlobal = [];
  for (let i = 0; i < COUNT; i++) {
    map.set(`k${i}`, new InMap());
    set.add(new InSet());
    array.push(new InArray());
    object[`p${i}`] = new InProperty();
    functions.push(closeOver(new InClosure()));
    emitter.on('data', closeOver(new InListener()));
    setTimeout(closeOver(new InTimer()), 1e8).unref();
    globalThis.inGlobal.push(new InGlobal());
    aborter.signal.addEventListener('abort', closeOver(new InAbort()));
    list = Object.assign(new InList(), { next: list });
    weakRefs.push(new WeakRef(new InWeakRef()));
    weakMap.set(new InWeakMap(), i);
    new Dropped();
  }
}

function closeOver(value) {
  return function held() {
    return value;
  };
}

process.removeAllListeners('warning').on('warning', () => {});
let answer;
if (process.argv[2] === 'exact') {
  const { value, ...window } = heap.exact(() => {
    leak();
    return 7;
  });
  answer = { value, ...window };
} else if (process.argv[2] === 'none') {
  leak();
} else {
  const mark = heap.mark();
  leak();
  answer = heap.whyAlive(mark, { top: 100 });
}
writeSync(1, JSON.stringify(answer ?? {}));
// All of it is alive to here.
if ([map, set, array, object, functions, emitter, aborter, weakRefs, weakMap, list].length === 0) leak();
