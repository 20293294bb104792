// Writes server.json beside this file: the trace of a made-up server with three reports, long names and paths, and
// several heaps, for the goldens of what `otrace report` prints. Run it only to change them.
import { writeFileSync } from 'node:fs';

const pid = 4711;
const root = 'file:///srv/shop';
const events = [{ name: 'process_name', ph: 'M', ts: 0, pid, tid: 0, args: { name: 'server.ts' } }];
const instant = (name, ts, args) => events.push({ name, cat: 'heap', ph: 'I', s: 't', ts, pid, tid: pid, args });
const row = (frames, bytes, blocks, about = '') =>
  `${frames.join(' <- ')} (${about}${bytes} bytes, ${about}${blocks} allocations)`;
const layers = Array.from(
  { length: 7 },
  (_, i) => `Layer.handle_request (${root}/node_modules/express/lib/router/layer.js:${95 + i}:5)`,
);

for (let second = 0; second < 120; second++) {
  const js = 20_000_000 + second * 60_000 + (second % 17) * 300_000;
  const buffers = second > 40 && second < 56 ? 50_000_000 : 900_000;
  const wasm = 40_960;
  events.push({
    name: 'heap_live_bytes',
    cat: 'heap',
    ph: 'C',
    ts: second * 1e6,
    pid,
    tid: pid,
    args: { total: js + buffers + wasm, js, wasm, buffers },
  });
  if (second % 40 !== 39) continue;
  const ts = second * 1e6 + 10;
  instant('heap_report_started', ts, { status: 'begin' });
  instant('heap_report_stats', ts + 1, { live_alloc_count: '48211', site_count: '112' });
  instant('heap_leaks', ts + 2, {
    leak_1: row(
      [
        `createDebug (${root}/node_modules/debug/src/common.js:53:19)`,
        `new Session (${root}/src/session.ts:14:22)`,
        `handleLoginRequestAndCreateTheSessionOfTheUser (${root}/src/routes/authentication/login-with-password.ts:201:9)`,
        ...layers,
      ],
      60_000 * second,
      412 * second,
      '~',
    ),
    leak_2: row(
      [`allocateFrame (${root}/src/video/frame-pool.ts:77:3)`, '(anonymous) (node:internal/timers:573:11)'],
      65_536 * 12,
      12,
    ),
    leak_3: row(
      [
        'std::vector<std::basic_string<char, std::char_traits<char>, std::allocator<char>>>::' +
          '_M_realloc_insert(char const*, unsigned long)',
        'sqlite3_exec (sql-wasm.wasm)',
      ],
      40_960,
      3,
    ),
    leak_4: row(['hash=0x00000000deadbeef'], 1024, 1),
    leak_5: row(['JSON.parse', `読み込み (${root}/src/日本.ts:1:1)`], 900, 2, '~'),
  });
  instant('heap_sites', ts + 3, {
    site_1: row(['JSON.parse', `readBody (${root}/src/http/body.ts:9:10)`, ...layers], 9_000_000_000, 1_200_344, '~'),
    site_2: row([`allocateFrame (${root}/src/video/frame-pool.ts:77:3)`, 'tick', 'loop'], 7_864_320_000, 120_000),
    site_3: row(['hash=0x00000000deadbeef'], 4096, 4),
  });
  instant('heap_report_done', ts + 4, { status: 'end' });
}
writeFileSync(new URL('server.json', import.meta.url), `[\n${events.map((e) => JSON.stringify(e)).join(',\n')}\n]\n`);
