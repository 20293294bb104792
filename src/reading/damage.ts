/**
 * What is wrong with a trace file that could still be read in part, and exactly where. A file that can't be read
 * at all is an `OtraceError` with code `OTRACE_INPUT` instead.
 */

export type DamageKind =
  /** The file ends before its JSON does. */
  | 'cut-short'
  /** Some bytes are not JSON, or not an event. */
  | 'malformed'
  /** Something follows the end of the trace. */
  | 'trailing'
  /** The gzip data is cut short or fails its checks; the JSON in it then ends early too. */
  | 'gzip';

/** The first damage of a file, or that of the gzip data, which explains the rest. All positions are in the JSON text, so after unpacking when the file is gzip. */
export interface Damage {
  readonly kind: DamageKind;
  /** Bytes before the damage. */
  readonly offset: number;
  /** Line of the damage, from 1. */
  readonly line: number;
  /** Number of the event that is damaged, from 1; null when the damage is not inside an event. */
  readonly event: number | null;
  /** What is wrong and where, for people: a sentence without a full stop. */
  readonly message: string;
  /** How many further places are damaged; events whole between them were read. */
  readonly more: number;
}

/** A place in the text, and the event it is in. */
export interface DamagePlace {
  readonly offset: number;
  readonly line: number;
  /** Null when the place is not inside an event. */
  readonly event: { readonly number: number; readonly offset: number; readonly line: number } | null;
  /** Events begun before the place. */
  readonly eventsBefore: number;
}

/** Describes the first damage while a file is read, and counts the rest. */
export class DamageLog {
  #first: Damage | null = null;

  get damage(): Damage | null {
    return this.#first;
  }

  note(kind: DamageKind, problem: string, place: DamagePlace): void {
    if (this.#first !== null) this.#first = { ...this.#first, more: this.#first.more + 1 };
    else this.#first = describe(kind, problem, place);
  }

  /** Notes damage that explains what was noted before. */
  noteCause(kind: DamageKind, problem: string, place: DamagePlace): void {
    const more = this.#first === null ? 0 : this.#first.more + 1;
    this.#first = { ...describe(kind, problem, place), more };
  }
}

function describe(
  kind: DamageKind,
  problem: string,
  { offset, line, event, eventsBefore }: DamagePlace,
): Damage {
  let where = '';
  if (event !== null) {
    where = `, in event ${event.number}, which begins at byte ${event.offset} (line ${event.line})`;
  } else if (eventsBefore > 0) {
    where = `, after event ${eventsBefore}`;
  }
  const message = `${problem} at byte ${offset} (line ${line})${where}`;
  return { kind, offset, line, event: event?.number ?? null, message, more: 0 };
}
