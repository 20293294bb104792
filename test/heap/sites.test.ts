import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Frame, formatStack, hashStack } from '../../src/heap/frame.js';
import { UNCAPTURED } from '../../src/heap/live-sites.js';
import { SiteTable } from '../../src/heap/sites.js';

const stack = (name: string): Frame[] => [{ name, file: '/a.js', line: 1, column: 2 }];

describe('SiteTable', () => {
  it('numbers sites densely, after the one for stacks not captured', () => {
    const sites = new SiteTable('manual');
    assert.equal(sites.siteOf([]), UNCAPTURED);
    const a = stack('a');
    assert.equal(sites.siteOf(a), 1);
    assert.equal(sites.siteOf(stack('b')), 2);
    assert.equal(sites.siteOf(a), 1);
    assert.equal(sites.count, 3);
    assert.deepEqual(sites.framesOf(1), a);
    assert.equal(sites.hashOf(1), hashStack('manual', a));
    assert.equal(sites.hashOf(UNCAPTURED), hashStack('manual', []));
    assert.notEqual(sites.hashOf(UNCAPTURED), new SiteTable('wasm').hashOf(UNCAPTURED));
  });

  it('takes equal stacks in different arrays as one site', () => {
    const sites = new SiteTable('manual');
    assert.equal(sites.siteOf(stack('a')), sites.siteOf(stack('a')));
  });

  it('keeps totals through growth and forgets them on reset', () => {
    const sites = new SiteTable('manual');
    for (let i = 0; i < 1000; i++) {
      const site = sites.siteOf(stack(`f${i}`));
      sites.allocated(site, i);
    }
    sites.allocated(UNCAPTURED, 7);
    const { bytes, blocks } = sites.totals();
    assert.deepEqual([bytes[UNCAPTURED], blocks[UNCAPTURED]], [7, 1]);
    for (let i = 0; i < 1000; i++) assert.equal(bytes[sites.siteOf(stack(`f${i}`))], i);
    sites.resetTotals();
    const none = sites.totals();
    assert.ok([...none.bytes, ...none.blocks].every((figure) => figure === 0));
    assert.equal(sites.count, 1001);
  });

  it('puts stacks beyond its limit together, at a site that says so', () => {
    const sites = new SiteTable('manual', 3);
    assert.deepEqual([sites.siteOf(stack('a')), sites.siteOf(stack('b'))], [1, 2]);
    assert.equal(sites.siteOf(stack('c')), 3);
    assert.equal(sites.siteOf(stack('d')), 3);
    assert.equal(formatStack(sites.framesOf(3)), '(more call sites than otrace keeps)');
    assert.notEqual(sites.hashOf(3), sites.hashOf(UNCAPTURED));
    assert.equal(sites.siteOf(stack('b')), 2);
    assert.equal(sites.siteOf([]), UNCAPTURED);
    assert.equal(sites.count, 4);
  });
});
