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

/** The first damage of a file. All positions are in the JSON text, so after unpacking when the file is gzip. */
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
