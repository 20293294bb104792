/** What a ledger should say, by the plainest means. */
import { LiveSites } from '../../../src/heap/live-sites.js';

export class LedgerModel {
  readonly live = new LiveSites();
  readonly blocks = new Map<number, { bytes: number; site: number }>();
  readonly total = new Map<number, number>();
  unmatched = 0;
  implied = 0;

  put(key: number, bytes: number, site: number): void {
    const there = this.blocks.get(key);
    if (there !== undefined) {
      this.implied++;
      this.live.remove(there.site, there.bytes);
    }
    this.live.reserve(site + 1);
    this.live.add(site, bytes);
    this.blocks.set(key, { bytes, site });
    this.total.set(site, (this.total.get(site) ?? 0) + bytes);
  }

  free(key: number): void {
    const there = this.blocks.get(key);
    if (there === undefined) this.unmatched++;
    else this.live.remove(there.site, there.bytes);
    this.blocks.delete(key);
  }
}
