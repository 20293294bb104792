import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Dominators } from '../../../src/heap/graph/dominators.js';
import { Holders } from '../../../src/heap/graph/holders.js';
import { Reach } from '../../../src/heap/graph/reach.js';
import { draw } from './drawn-graph.js';

/** `class of the member x objects, bytes` for each group of the objects whose ids begin with `new`. */
function groupsIn(text: string): string[] {
  const { graph, node } = draw(text);
  const ids = [...text.matchAll(/^\s*(new\w*) = /gm)].map((match) => match[1]!);
  const inSet = new Uint8Array(graph.nodeCount);
  for (const id of ids) inSet[node(id)] = 1;
  const reach = new Reach(graph);
  return new Holders(graph, reach, new Dominators(graph, reach))
    .groups(inSet)
    .map(({ member, objects, bytes }) => `${graph.name(member)} x ${objects}, ${bytes}`);
}

/** An array of so many objects. */
function filled(id: string, className: string, count: number, bytes: number): string {
  const items = Array.from({ length: count }, (_, i) => `new_${id}_${i}`);
  return [
    `${id} = object Array`,
    ...items.map((item) => `${item} = object ${className}, ${bytes}`),
    ...items.map((item, i) => `${id} element:${i} ${item}`),
  ].join('\n');
}

const MODULE = `
  root = synthetic (GC roots)
  scope = object system / Context
  root property:module scope`;

describe('Holders', () => {
  it('tells what different variables hold apart, though their containers are of one class', () => {
    const groups = groupsIn(`${MODULE}
      ${filled('sessions', 'Session', 25, 100)}
      ${filled('handlers', 'Handler', 20, 100)}
      ${filled('jobs', 'Job', 15, 100)}
      scope context:sessions sessions
      scope context:handlers handlers
      scope context:jobs jobs`);
    assert.deepEqual(groups, ['Session x 25, 2500', 'Handler x 20, 2000', 'Job x 15, 1500']);
  });

  it('tells new containers apart, too', () => {
    const groups = groupsIn(`${MODULE}
      ${filled('new1', 'Session', 30, 100)}
      ${filled('new2', 'Handler', 30, 90)}
      scope context:sessions new1
      scope context:handlers new2`);
    assert.deepEqual(groups, ['Session x 30, 3000', 'Handler x 30, 2700']);
  });

  it('makes one of many old objects that each hold a little that is new', () => {
    const users = Array.from({ length: 20 }, (_, i) => i);
    const groups = groupsIn(`${MODULE}
      users = object Array
      ${users.map((i) => `user${i} = object User`).join('\n')}
      ${users.map((i) => `new${i} = object Visit, 50`).join('\n')}
      scope context:users users
      ${users.map((i) => `users element:${i} user${i}`).join('\n')}
      ${users.map((i) => `user${i} property:visit new${i}`).join('\n')}`);
    assert.deepEqual(groups, ['Visit x 20, 1000']);
  });

  it('adds the new table of an old array to what stands in it', () => {
    const groups = groupsIn(`${MODULE}
      ${filled('list', 'Item', 20, 100)}
      new_table = array (object elements), 160
      scope context:list list
      list internal:elements new_table`);
    assert.deepEqual(groups, ['Item x 20, 2160']);
  });

  it('makes one of a chain', () => {
    const links = Array.from({ length: 20 }, (_, i) => i);
    const groups = groupsIn(`${MODULE}
      ${links.map((i) => `new${i} = object Link, 50`).join('\n')}
      scope context:head new0
      ${links
        .slice(1)
        .map((i) => `new${i - 1} property:next new${i}`)
        .join('\n')}`);
    assert.deepEqual(groups, ['Link x 20, 1000']);
  });
});
