/**
 * Kills programs at random moments, and says what was lost: `npm run build && npx tsx bench/kill.ts [rounds] [seed]`.
 * A line for each round that lost an event older than a second, and a summary.
 */
import { KILLED_MODES, KILLED_WAYS, type KilledMode, killRound } from '../test/cli/kill-round.js';
import { seeded } from '../test/recorder/rig.js';

const rounds = Number(process.argv[2] ?? 50);
const random = seeded(Number(process.argv[3] ?? 1));
const OUTS = ['trace.json', 'trace.json.gz', 'run-%03u.json', 'run-%03u.json.gz'] as const;

const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;

let late = 0;
let cut = 0;
let recordedEvents = 0;
let foundEvents = 0;
const missingMs: number[] = [];
const byMode = new Map<KilledMode, number>();
for (let i = 0; i < rounds; i++) {
  const round = {
    mode: pick(KILLED_MODES),
    way: pick(KILLED_WAYS),
    out: pick(OUTS),
    afterMs: Math.round(random() ** 2 * 3000),
  };
  const { recorded, found, oldestMissingMs, isJson } = await killRound(round);
  recordedEvents += recorded;
  foundEvents += found.length;
  missingMs.push(oldestMissingMs);
  byMode.set(round.mode, Math.max(byMode.get(round.mode) ?? 0, oldestMissingMs));
  if (!isJson) cut++;
  if (oldestMissingMs >= 1000) {
    late++;
    console.log(`${JSON.stringify(round)}: an event ${oldestMissingMs.toFixed(0)} ms old is missing`);
  }
}
missingMs.sort((a, b) => a - b);
console.log(
  `${rounds} kills: every file opened, ${cut} of them cut short; ${late} lost an event older than 1 s`,
);
console.log(`${foundEvents} of ${recordedEvents} events were on disk`);
console.log(
  `age of the oldest event lost: median ${missingMs[rounds >> 1]!.toFixed(0)} ms, most ${missingMs.at(-1)!.toFixed(0)} ms`,
);
for (const [mode, ms] of byMode) console.log(`  ${mode.padEnd(8)} most ${ms.toFixed(0)} ms`);
