import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pathText } from '../../../src/heap/graph/path-text.js';
import { Reach } from '../../../src/heap/graph/reach.js';
import { draw } from './drawn-graph.js';

/** Functions called `f` are on line 7 of app.js; contexts reached are app.js', when they are its outermost. */
function pathIn(text: string, to: string): string {
  const { graph, node } = draw(text);
  return pathText(graph, new Reach(graph), node(to), {
    functionAt: (closure) => (graph.name(closure) === 'f' ? 'app.js:7' : ''),
    moduleOf: (context) => (graph.follow(context, 'internal', 'previous') >= 0 ? 'app.js' : ''),
    scriptOf: () => '',
    moduleAt: (name) => (name.startsWith('/') ? name.slice(1) : ''),
  });
}

/** Whatever holds things for the test begins at the global object. */
const ROOT = `
  root = synthetic (GC roots)
  global = object global
  root property:global global`;

describe('pathText', () => {
  it('names each step by what holds it, and leaves the engine out', () => {
    const path = pathIn(
      `${ROOT}
      cache = object Map
      table = array
      session = object Session
      buffers = array (object properties)
      plain = object Object
      name = object String
      global property:sessions cache
      cache internal:table table
      table internal:17 session
      session internal:properties buffers
      buffers property:last-seen plain
      plain property:who name
      plain property:at name`,
      'plain',
    );
    assert.equal(path, '(Global) > sessions: Map > […]: Session > "last-seen": Object {who, at}');
  });

  it("begins at a module's variables, however the way led there", () => {
    const path = pathIn(
      `${ROOT}
      f = closure f
      block = object system / Context
      module = object system / Context
      native = hidden system / NativeContext
      list = object Array
      elements = array (object elements)
      item = object Item
      global property:onResize f
      f internal:context block
      block internal:previous module
      module internal:previous native
      module context:handlers list
      list internal:elements elements
      elements element:3 item`,
      'item',
    );
    assert.equal(path, '(variables of app.js) > handlers: Array > [3]: Item');
  });

  it('names the function whose variable it is', () => {
    const path = pathIn(
      `${ROOT}
      f = closure f
      scope = object system / Context
      big = object Big
      global property:callback f
      f internal:context scope
      scope context:big big`,
      'big',
    );
    assert.equal(path, '(Global) > callback: f() (app.js:7) > big: Big');
  });

  it('begins at the timers, whichever comes first, with what they call', () => {
    const timers = `${ROOT}
      run = closure setTimeout
      scope = object system / Context
      map = object Object
      list = object TimersList
      first = object Timeout
      second = object Timeout
      third = object Timeout
      f = closure f
      job = object Job
      global property:setTimeout run
      run internal:context scope
      scope context:timerListMap map
      map element:60000 list
      list property:_idleNext first
      first property:_idleNext second
      second property:_idleNext third
      third property:_onTimeout f
      f property:job job`;
    assert.equal(pathIn(timers, 'third'), '(timers of 60000 ms) > […]: Timeout (app.js:7)');
    assert.equal(
      pathIn(timers, 'job'),
      '(timers of 60000 ms) > […]: Timeout (app.js:7) > _onTimeout: f() (app.js:7) > job: Job',
    );
  });

  it('names functions that wait, and what is bound', () => {
    const path = pathIn(
      `${ROOT}
      promise = object Promise
      reaction = code system / PromiseReaction
      resume = closure
      scope = object system / Context
      waiting = object Generator
      registers = array
      f = closure f
      bound = closure native_bind
      global property:ready promise
      promise internal:reactions_or_result reaction
      reaction internal:fulfill_handler resume
      resume internal:context scope
      scope context:generator waiting
      waiting internal:function f
      waiting internal:parameters_and_registers registers
      registers internal:2 bound
      bound internal:bound_function f`,
      'bound',
    );
    assert.match(
      path,
      /^\(Global\) > ready: Promise > (generator: )?suspended f\(\) \(app\.js:7\) > \[…\]: bound f\(\) \(app\.js:7\)$/,
    );
  });

  it('says a long chain in one step, and cuts what is longer still', () => {
    const chain = (count: number, name: (i: number) => string): string =>
      pathIn(
        `${ROOT}
        ${Array.from({ length: count }, (_, i) => `n${i} = object ${name(i)}`).join('\n')}
        global property:next n0
        ${Array.from({ length: count - 1 }, (_, i) => `n${i} property:next n${i + 1}`).join('\n')}`,
        `n${count - 1}`,
      );
    assert.equal(
      chain(40, () => 'Node'),
      '(Global) > next: Node ×40',
    );
    const cut = chain(40, (i) => `Node${i}`).split(' > ');
    assert.equal(cut.length, 24);
    assert.equal(cut[8], '… (18 steps) …');
    assert.equal(cut.at(-1), 'next: Node39');
  });

  it('does not let a name look like a step', () => {
    const path = pathIn(
      `${ROOT}
      odd = object A > b: C
      global property:x > y odd`,
      'odd',
    );
    assert.equal(path, '(Global) > "x > y": A>b: C');
  });
});
