/** Which events are recorded: the lists, the function, sampling, and the switch. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OtraceError } from '../../src/errors.js';
import type { Recorder } from '../../src/recorder/recorder.js';
import { Rig, recording } from './rig.js';

const isBadOption = (error: unknown): boolean =>
  error instanceof OtraceError && error.code === 'OTRACE_BAD_OPTION' && error.message.length > 20;

/** One instant in each of four categories. */
function record(trace: Recorder): void {
  for (const name of ['app', 'io', 'net', 'heap']) trace.category(name).instant(name);
}

describe('the switch', () => {
  it('lets nothing be recorded by any call while it is off', () => {
    const rig = new Rig();
    const { trace } = rig;
    const every = (): void => {
      record(trace);
      trace.scope('s').end();
      trace.zone('z').end();
      trace.begin('b');
      trace.end('b');
      trace.counter('c', 1);
      trace.counter('c', { a: 1 });
      trace.complete('x', 1, 1);
      trace.flowBegin(1);
      trace.flowStep(1);
      trace.flowEnd(1);
      trace.frame(1);
      trace.color('good');
    };
    every();
    assert.equal(trace.enabled, false);
    assert.deepEqual(rig.events(), []);
    trace.enable();
    trace.enable();
    every();
    const recorded = rig.events().length;
    assert.equal(recorded, 15);
    trace.disable();
    trace.disable();
    every();
    assert.equal(rig.events().length, recorded);
  });

  it('tells its listeners each time it moves', () => {
    const rig = new Rig();
    const seen: boolean[] = [];
    rig.trace.onToggle((on) => seen.push(on));
    rig.trace.enable();
    rig.trace.enable();
    rig.trace.disable();
    rig.trace.disable();
    rig.trace.enable();
    assert.deepEqual(seen, [true, false, true]);
  });

  it('stays off when tracing is forbidden from outside', () => {
    const rig = new Rig({ forbidden: true });
    rig.trace.enable();
    rig.trace.instant('a');
    assert.equal(rig.trace.enabled, false);
    assert.deepEqual(rig.events(), []);
  });

  it('stays off with a warning when there is no memory for the events', () => {
    const rig = new Rig({
      openLog: () => {
        throw new RangeError('Array buffer allocation failed');
      },
    });
    rig.trace.enable();
    rig.trace.instant('a');
    assert.equal(rig.trace.enabled, false);
    assert.match(rig.warnings.join(), /allocation failed; choose fewer/);
  });
});

describe('the lists', () => {
  it('allow only the categories named, besides heap', () => {
    const rig = recording();
    rig.trace.allow('io, ,net');
    record(rig.trace);
    assert.deepEqual(rig.names(), ['io', 'net', 'heap']);
  });

  it('deny the categories named, heap too', () => {
    const rig = recording();
    rig.trace.deny(['io', 'heap']);
    record(rig.trace);
    assert.deepEqual(rig.names(), ['app', 'net']);
  });

  it('let deny win', () => {
    const rig = recording();
    rig.trace.allow('io,net');
    rig.trace.deny('net');
    record(rig.trace);
    assert.deepEqual(rig.names(), ['io', 'heap']);
  });

  it('hold for categories made before and after, and end with an empty list', () => {
    const rig = recording();
    const io = rig.trace.category('io');
    rig.trace.deny('io,later');
    io.instant('1');
    rig.trace.category('later').instant('2');
    rig.trace.deny('');
    io.instant('3');
    rig.trace.category('later').instant('4');
    rig.trace.allow([]);
    io.instant('5');
    assert.deepEqual(rig.names(), ['3', '4', '5']);
  });

  it('say once, at a flush, that an allow list names nothing that the program uses', () => {
    const rig = recording();
    rig.trace.allow('oi,nett');
    rig.trace.category('io').instant('1');
    assert.deepEqual(rig.names(), []);
    rig.trace.flush();
    assert.equal(rig.warnings.length, 1);
    assert.match(rig.warnings[0]!, /^trace\.allow\('oi,nett'\) names no category .* uses app, .*io$/);

    const right = recording();
    right.trace.allow('io,nett');
    right.trace.category('io').instant('1');
    assert.deepEqual([right.names(), right.warnings], [['1'], []]);
  });

  it('refuse what is no list of names', () => {
    const rig = recording();
    const { trace } = rig;
    for (const bad of [5, null, undefined, {}, [1], ['io', null]]) {
      assert.throws(() => trace.allow(bad as unknown as string), isBadOption);
      assert.throws(() => trace.deny(bad as unknown as string), isBadOption);
    }
    record(trace);
    assert.equal(rig.events().length, 4);
  });
});

describe('the filter function', () => {
  it('is asked for each event but those of heap', () => {
    const rig = recording();
    const asked: string[] = [];
    rig.trace.setFilter((name, category) => {
      asked.push(`${category}/${name}`);
      return name !== 'noise';
    });
    rig.trace.instant('noise');
    rig.trace.instant('signal');
    rig.trace.category('io').counter('noise', 1);
    rig.trace.category('heap').instant('noise');
    rig.trace.scope('noise').end();
    assert.equal(
      rig.trace.scope('noise', () => 5),
      5,
    );
    rig.trace.flowBegin(1);
    rig.trace.frame(1);
    assert.deepEqual(
      rig.events().map(({ cat, name }) => `${cat}/${name}`),
      ['app/signal', 'heap/noise', 'app/flow', 'frame/frame'],
    );
    assert.deepEqual(asked, [
      'app/noise',
      'app/signal',
      'io/noise',
      'app/noise',
      'app/noise',
      'app/flow',
      'frame/frame',
    ]);
    rig.trace.setFilter(undefined);
    rig.trace.instant('noise');
    assert.equal(rig.names().at(-1), 'noise');
  });

  it('is removed when it throws, with one warning, and the events pass', () => {
    const rig = recording();
    let calls = 0;
    rig.trace.setFilter(() => {
      calls++;
      throw Object.create(null);
    });
    for (let i = 0; i < 5; i++) rig.trace.instant('passes');
    assert.equal(calls, 1);
    assert.equal(rig.events().length, 5);
    assert.equal(rig.warnings.length, 1);
    assert.match(rig.warnings[0]!, /trace\.setFilter threw .*removed/);
  });

  it('must be a function', () => {
    const rig = recording();
    assert.throws(() => rig.trace.setFilter('io' as unknown as () => boolean), isBadOption);
  });
});

describe('sampling', () => {
  const count = (probability: number, category = 'app'): number => {
    const rig = recording();
    rig.trace.setSampling(probability);
    for (let i = 0; i < 10_000; i++) rig.trace.category(category).instant('s');
    return rig.events().length;
  };

  it('records nothing at 0, everything at 1, and clamps what is outside', () => {
    assert.equal(count(0), 0);
    assert.equal(count(-3), 0);
    assert.equal(count(Number.NEGATIVE_INFINITY), 0);
    assert.equal(count(1), 10_000);
    assert.equal(count(7), 10_000);
  });

  it('records its share in between, the same on each run', () => {
    const half = count(0.5);
    assert.ok(Math.abs(half - 5000) < 200, `${half}: four standard deviations are 200`);
    assert.equal(count(0.5), half);
    const tenth = count(0.1);
    assert.ok(Math.abs(tenth - 1000) < 120, `${tenth}: four standard deviations are 120`);
  });

  it('leaves heap alone', () => {
    assert.equal(count(0, 'heap'), 10_000);
  });

  it('refuses NaN and what is no number, and stays as it was', () => {
    const rig = recording();
    for (const bad of [Number.NaN, '0.5', undefined, null]) {
      assert.throws(() => rig.trace.setSampling(bad as number), isBadOption);
    }
    rig.trace.instant('still all');
    assert.equal(rig.events().length, 1);
  });
});
