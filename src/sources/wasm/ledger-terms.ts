/**
 * The words that the ledger's code (`ledger-code.ts` and the files that it is put together from) is written in: pieces of
 * text for the fields of `ledger-layout.ts`, in one variant of the ledger.
 */
import type { HookVariant } from './hook-table.js';
import {
  CELL,
  CELL_BYTES,
  HEAP,
  LEDGER,
  SEGMENT_HEAD_BYTES,
  SEGMENT_SLOTS,
  type SlotLayout,
  slotOf,
} from './ledger-layout.js';

export interface LedgerVariant extends HookVariant {
  /** Several threads work on the ledger's memory at once. */
  readonly shared: boolean;
}

/** Golden ratio times 2^64: the upper half of a product with it depends on all of the other factor. */
const SPREAD = '0x9e3779b97f4a7c15';

/** Where it is told what waits, in a ledger that threads share and in another. Of address 0 nothing does. */
const WAITING = {
  address: ['waiting', '$waiting'],
  bytes: ['waitingBytes', '$waitingBytes'],
  cell: ['waitingCell', '$account'],
  heap: ['waitingHeap', '$heap'],
} as const;

export class LedgerTerms {
  readonly variant: LedgerVariant;
  readonly slot: SlotLayout;
  readonly slotsBytes: number;
  /** The type of addresses and sizes. */
  readonly A: 'i32' | 'i64';
  readonly lock: string;
  readonly unlock: string;

  constructor(variant: LedgerVariant) {
    this.variant = variant;
    this.slot = slotOf(variant.wideAddresses);
    this.slotsBytes = SEGMENT_SLOTS * this.slot.bytes;
    this.A = variant.wideAddresses ? 'i64' : 'i32';
    this.lock = variant.shared ? `(call $lock (i32.const ${LEDGER.lock}))` : '';
    this.unlock = variant.shared ? `(i32.atomic.store (i32.const ${LEDGER.lock}) (i32.const 0))` : '';
  }

  get(field: keyof typeof LEDGER): string {
    return `(i32.load offset=${LEDGER[field]} (i32.const 0))`;
  }

  set(field: keyof typeof LEDGER, value: string): string {
    return `(i32.store offset=${LEDGER[field]} (i32.const 0) ${value})`;
  }

  /** Of the heap at $heap, as everything of heaps here. */
  getHeap(field: keyof typeof HEAP): string {
    return `(i32.load offset=${HEAP[field]} (local.get $heap))`;
  }

  setHeap(field: keyof typeof HEAP, value: string): string {
    return `(i32.store offset=${HEAP[field]} (local.get $heap) ${value})`;
  }

  /** Adds to an i64 in memory. */
  add(field: number, address: string, value: string, sign: 'add' | 'sub' = 'add'): string {
    return `(i64.store offset=${field} ${address} (i64.${sign} (i64.load offset=${field} ${address}) ${value}))`;
  }

  addHeap(field: keyof typeof HEAP, value: string, sign: 'add' | 'sub' = 'add'): string {
    return this.add(HEAP[field], '(local.get $heap)', value, sign);
  }

  addCell(field: keyof typeof CELL, value: string): string {
    return this.add(CELL[field], '(local.get $cell)', value);
  }

  /** Before $cell changes: writes down what it held at the mark. */
  get note(): string {
    return `
    (if (i32.ne (i32.load offset=${CELL.epoch} (local.get $cell)) ${this.get('epoch')}) (then (call $note (local.get $cell))))`;
  }

  /** A block of $cell is live no more. */
  leave(size: string): string {
    return `
    (if ${this.get('rising')}
      (then
        ${this.set('rising', '(i32.const 0)')}
        ${this.set('epoch', `(i32.add ${this.get('epoch')} (i32.const 1))`)}))
    ${this.note}
    ${this.addCell('freedBytes', size)}
    ${this.addCell('freedBlocks', '(i64.const 1)')}
    ${this.addHeap('liveBytes', size, 'sub')}
    ${this.add(LEDGER.liveBytes, '(i32.const 0)', size, 'sub')}`;
  }

  step(local: string, by: string): string {
    return `(local.set ${local} (i32.add (local.get ${local}) ${by}))`;
  }

  /** An address as the number that the table knows it by; 64-bit ones are counted in units of 8 bytes. */
  keyOf(address: string): string {
    return this.variant.wideAddresses ? `(i32.wrap_i64 (i64.shr_u ${address} (i64.const 3)))` : address;
  }

  /** Of the block that waits: see `ledger-events.ts`. */
  waiting(part: keyof typeof WAITING): string {
    const [shared, own] = WAITING[part];
    return this.variant.shared ? this.get(shared) : `(global.get ${own})`;
  }

  setWaiting(part: 'address' | 'bytes', value: string): string {
    const [shared, own] = WAITING[part];
    return this.variant.shared ? this.set(shared, value) : `(global.set ${own} ${value})`;
  }

  hashOf(key: string): string {
    return `(i32.wrap_i64 (i64.shr_u (i64.mul (i64.extend_i32_u ${key}) (i64.const ${SPREAD})) (i64.const 32)))`;
  }

  /** A size of type A as an i64. */
  wide(size: string): string {
    return this.variant.wideAddresses ? size : `(i64.extend_i32_u ${size})`;
  }

  storeSize(local: string): string {
    return `(${this.A}.store offset=${this.slot.size} (local.get $slot) (local.get ${local}))`;
  }

  get loadSize(): string {
    return this.wide(`(${this.A}.load offset=${this.slot.size} (local.get $slot))`);
  }

  /** The segment of a hash. */
  get segmentOf(): string {
    return `(i32.load (i32.add ${this.getHeap('directory')}
      (i32.shl (i32.shr_u (local.get $hash) ${this.getHeap('directoryShift')}) (i32.const 2))))`;
  }

  homeOf(segment: string, hash: string): string {
    return `(i32.add (i32.add ${segment} (i32.const ${SEGMENT_HEAD_BYTES}))
      (i32.mul (i32.and ${hash} (i32.const ${SEGMENT_SLOTS - 1})) (i32.const ${this.slot.bytes})))`;
  }

  /** The slot after a slot, the first after the last. */
  after(local: string): string {
    return `${this.step(local, `(i32.const ${this.slot.bytes})`)}
    (if (i32.eq (local.get ${local}) (i32.add (local.get $segment) (i32.const ${SEGMENT_HEAD_BYTES + this.slotsBytes})))
      (then (local.set ${local} (i32.add (local.get $segment) (i32.const ${SEGMENT_HEAD_BYTES})))))`;
  }

  /** Address of a context's bucket: of the word that holds the first cell. */
  bucketOf(key: string, entry: string): string {
    return `(i32.add ${this.get('buckets')} (i32.shl (i32.wrap_i64 (i64.shr_u
      (i64.mul (i64.add ${key} (i64.mul (i64.extend_i32_u ${entry}) (i64.const 0x85ebca6bc2b2ae35))) (i64.const ${SPREAD}))
      (i64.extend_i32_u ${this.get('bucketShift')}))) (i32.const 2)))`;
  }

  /** The cell of what was not captured. */
  get firstCell(): string {
    return `(i32.add ${this.get('firstChunk')} (i32.const ${CELL_BYTES}))`;
  }
}
