/**
 * Times several pieces of code against each other on a machine that is busy with other things: all in one process,
 * taking turns in short rounds, the best round of each counts.
 */

export interface Contender {
  readonly name: string;
  /** Does the work so many times. */
  readonly run: (times: number) => void;
  /** Cleans up after a round, untimed. */
  readonly afterwards?: () => void;
}

/** Best time of one piece of work, in nanoseconds, for each contender. */
export function bestOf(contenders: readonly Contender[], rounds: number, times: number): Map<string, number> {
  const best = new Map<string, number>(contenders.map(({ name }) => [name, Number.POSITIVE_INFINITY]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, run, afterwards } of contenders) {
      const start = process.hrtime.bigint();
      run(times);
      const ns = Number(process.hrtime.bigint() - start) / times;
      afterwards?.();
      best.set(name, Math.min(best.get(name)!, ns));
    }
  }
  return best;
}

export interface Row {
  readonly name: string;
  readonly value: number;
  readonly reference: string;
  readonly referenceValue: number;
  /** Highest ratio wanted; NaN where none is set. */
  readonly goal: number;
}

export function printTable(title: string, unit: string, rows: readonly Row[]): void {
  console.log(`\n${title}`);
  const line = (...cells: string[]): string =>
    `${cells[0]!.padEnd(26)}${cells[1]!.padStart(9)}  ${cells[2]!.padEnd(24)}${cells[3]!.padStart(7)}${cells[4]!.padStart(8)}`;
  console.log(line('', unit, 'against', 'ratio', 'goal'));
  for (const { name, value, reference, referenceValue, goal } of rows) {
    const ratio = value / referenceValue;
    const verdict = Number.isNaN(goal) ? '' : `${goal.toFixed(2)}${ratio <= goal ? '  ok' : '  --'}`;
    console.log(line(name, value.toFixed(1), reference, ratio.toFixed(2), verdict.padStart(9)));
  }
}
