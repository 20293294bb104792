import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ownFrames } from '../../src/node/own-frames.js';

describe('own frames', () => {
  it('are those of the built package, whichever format was loaded', () => {
    for (const loaded of ['esm/chunk-AB12.js', 'cjs/hooks.js']) {
      const isOwn = ownFrames(`file:///srv/my%20app/node_modules/otrace/dist/${loaded}`);
      assert.ok(isOwn('file:///srv/my%20app/node_modules/otrace/dist/esm/index.js'));
      assert.ok(isOwn('/srv/my app/node_modules/otrace/dist/cjs/index.js'));
      assert.ok(!isOwn('file:///srv/my%20app/dist/esm/index.js'));
      assert.ok(!isOwn('/srv/my app/node_modules/other/dist/esm/index.js'));
    }
  });

  it('are those of a checkout, built or not, and not of its examples', () => {
    const built = ownFrames('file:///home/me/otrace/dist/esm/index.js');
    assert.ok(built('file:///home/me/otrace/dist/cjs/hooks.js'));
    assert.ok(!built('file:///home/me/otrace/examples/leak.ts'));
    const source = ownFrames('file:///home/me/otrace/src/node/own-frames.ts');
    assert.ok(source('/home/me/otrace/src/heap/tracer.ts'));
    assert.ok(!source('/home/me/otrace/test/heap/tracer.test.ts'));
  });

  it('are those of another installed copy too, as npm or pnpm place it', () => {
    const isOwn = ownFrames('file:///app/node_modules/otrace/dist/esm/index.js');
    assert.ok(isOwn('file:///app/node_modules/x/node_modules/otrace/dist/cjs/index.js'));
    assert.ok(isOwn('/app/node_modules/.pnpm/otrace@1.0.0/node_modules/otrace/dist/esm/index.js'));
    assert.ok(isOwn('C:\\app\\node_modules\\otrace\\dist\\esm\\index.js'));
  });

  it('are only installed copies when the module is inside a bundle', () => {
    const isOwn = ownFrames('file:///app/bundle.js');
    assert.ok(!isOwn('file:///app/bundle.js'));
    assert.ok(isOwn('/app/node_modules/otrace/dist/esm/index.js'));
  });
});
