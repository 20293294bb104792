import assert from 'node:assert/strict';
import { Session } from 'node:inspector/promises';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { RemoteV8Source, type RemoteV8SourceOptions } from '../../../src/sources/v8/remote-source.js';
import { dieWhileMarked } from './dying-while-marked.js';

let session: Session;
let asked: string[];

beforeEach(() => {
  session = new Session();
  session.connect();
  asked = [];
});
afterEach(() => session.disconnect());

/** A source that asks this process, as one that attaches asks another. */
function source(options: Partial<RemoteV8SourceOptions> = {}): RemoteV8Source {
  const post = (method: string, parameters: object = {}): Promise<unknown> => {
    asked.push(method);
    return (session as unknown as { post(method: string, parameters: object): Promise<unknown> }).post(
      method,
      parameters,
    );
  };
  return new RemoteV8Source(
    { post },
    {
      everyBytes: 4096,
      stackDepth: 8,
      mayBeginAnew: false,
      isOwnFrame: () => false,
      mapFrame: (frame) => frame,
      displayPath: (path) => path,
      warn: (message) => assert.fail(message),
      ...options,
    },
  );
}

function bytesOf(name: string, { sites }: ReturnType<RemoteV8Source['snapshot']>): number {
  const own = sites.filter(({ frames }) => frames.some((frame) => frame.name === name));
  return own.reduce((bytes, { liveBytes }) => bytes + liveBytes, 0);
}

describe('RemoteV8Source', () => {
  it('does not show what has died while V8 was about to collect', async () => {
    const remote = source();
    await remote.start();
    for (let round = 0; round < 3; round++) {
      await dieWhileMarked();
      await remote.refresh(true);
      assert.ok(bytesOf('makeBatch', remote.snapshot()) < 100_000);
    }
    await remote.stop();
  });

  it('has the target prepared before anything is measured or sampled', async () => {
    const remote = source({ prepareTarget: async () => void asked.push('prepared') });
    await remote.start();
    const at = (method: string): number => asked.lastIndexOf(method);
    assert.ok(at('prepared') >= 0);
    for (const later of ['HeapProfiler.collectGarbage', 'Runtime.getHeapUsage', 'HeapProfiler.startSampling'])
      assert.ok(at('prepared') < at(later), asked.join(', '));
    await remote.stop();
  });

  it('prepares nothing where another tool samples', async () => {
    const owner = source();
    await owner.start();
    const said: string[] = [];
    const remote = source({ prepareTarget: () => assert.fail('prepared'), warn: (line) => said.push(line) });
    await remote.start();
    assert.match(said.join(), /another tool .* already samples/);
    await owner.stop();
  });
});
