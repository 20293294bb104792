/**
 * V8's heap snapshot (`.heapsnapshot`) -> `ObjectGraph` and `TraceTree`, byte by byte as chunks arrive: neither the
 * file nor a string of it is ever whole in memory. The grammar is fixed,
 *
 *     {"snapshot":{"meta":{...},"node_count":N,...},"nodes":[...],"edges":[...],"trace_function_infos":[...],
 *      "trace_tree":[...],"samples":[...],"locations":[...],"strings":["...",...]}
 *
 * with flat arrays of whole numbers (`number-rows.ts`), one nested array (`trace_tree`) and one of strings; V8 writes
 * pure ASCII. Which numbers mean what stands in `meta` (`graph-rows.ts`), so fields that a newer V8 adds are stepped
 * over, and so are arrays.
 *
 * Strings come last: by then it is known which of them name something (`wanted-strings.ts`), and only those are kept.
 */
import { OtraceError } from '../../errors.js';
import { EdgeRows, FunctionRows, IGNORED, LocationRows, NodeRows, TraceRows } from './graph-rows.js';
import { MAX_FIELDS, NumberRows } from './number-rows.js';
import { ObjectGraph } from './object-graph.js';
import { broken, type SnapshotHeader, snapshotHeader } from './snapshot-header.js';
import { TraceTree } from './trace-tree.js';
import { wantedStrings } from './wanted-strings.js';

type State = 'header' | 'between' | 'key' | 'value' | 'numbers' | 'strings' | 'string' | 'escape' | 'end';

/** The header is two kilobytes. */
const MAX_HEADER_BYTES = 1024 * 1024;
const MAX_KEY_BYTES = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

export interface ParsedGraph {
  readonly graph: ObjectGraph;
  readonly trace: TraceTree;
}

/** The graph to be, and what fills it. */
interface Begun {
  readonly header: SnapshotHeader;
  readonly graph: ObjectGraph;
  readonly nodes: NodeRows;
  readonly edges: EdgeRows;
  readonly locations: LocationRows;
}

export class GraphParser {
  #state: State = 'header';
  /** The header, or a key, so far. */
  #text = '';
  #depth = 0;
  #begun: Begun | undefined;
  readonly #trace = new TraceTree();
  #numbers = new NumberRows(IGNORED, MAX_FIELDS);
  /** Strings by number that are kept. */
  #wanted: Uint8Array = new Uint8Array(0);

  /** @throws OtraceError `OTRACE_INPUT` when the bytes are not a heap snapshot */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === 'numbers') at = this.#readNumbers(bytes, at);
      else if (this.#state === 'string') at = this.#readString(bytes, at);
      else this.#step(bytes[at++]!);
    }
  }

  /** @throws OtraceError `OTRACE_INPUT` when the snapshot is not whole */
  finish(): ParsedGraph {
    if (this.#state !== 'end' || this.#begun === undefined) throw broken('it ends too early');
    const { graph, nodes, edges, locations } = this.#begun;
    if (nodes.count !== graph.nodeCount || edges.count !== graph.edgeCount) {
      throw broken(
        `it announces ${graph.nodeCount} objects and ${graph.edgeCount} references and has others`,
      );
    }
    if (nodes.edges !== graph.edgeCount) throw broken('its references do not add up');
    graph.locations = Uint32Array.from(locations.found);
    return { graph, trace: this.#trace };
  }

  /** Everything but the long runs of numbers and of characters. */
  #step(byte: number): void {
    if (this.#state === 'header') {
      this.#headerByte(byte);
    } else if (this.#state === 'between') {
      if (byte === QUOTE) {
        this.#text = '';
        this.#state = 'key';
      } else if (byte === CLOSE_BRACE) {
        this.#state = 'end';
      } else if (!isFiller(byte)) throw broken('a key is missing');
    } else if (this.#state === 'key') {
      if (byte === QUOTE) this.#state = 'value';
      else if (this.#text.length < MAX_KEY_BYTES) this.#text += String.fromCharCode(byte);
      else throw broken('a key has no end');
    } else if (this.#state === 'value') {
      if (byte === OPEN_BRACKET) this.#beginSection(this.#begun!);
      else if (!isFiller(byte)) throw broken(`"${this.#text}" is not an array`);
    } else if (this.#state === 'strings') {
      if (byte === QUOTE) this.#state = 'string';
      else if (byte === CLOSE_BRACKET) this.#state = 'between';
      else if (!isFiller(byte)) throw broken('a string is missing');
    } else if (this.#state === 'escape') {
      const { strings } = this.#begun!.graph;
      if (this.#wanted[strings.count] === 1) strings.push(byte);
      this.#state = 'string';
    } else if (this.#state === 'end' && !isFiller(byte)) throw broken('it goes on after its end');
  }

  /** Gathers `{"snapshot":{...}` up to the brace that closes the inner object; its texts hold no braces. */
  #headerByte(byte: number): void {
    this.#text += String.fromCharCode(byte);
    if (this.#text.length > MAX_HEADER_BYTES) throw broken('its header has no end');
    if (byte === OPEN_BRACE) this.#depth++;
    if (byte !== CLOSE_BRACE || --this.#depth > 1) return;
    const header = snapshotHeader(`${this.#text}}`);
    try {
      const graph = new ObjectGraph(header.nodeCount, header.edgeCount);
      this.#begun = {
        header,
        graph,
        nodes: new NodeRows(graph, header),
        edges: new EdgeRows(graph, header),
        locations: new LocationRows(graph, header),
      };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new OtraceError('OTRACE_INPUT', `there is no memory for ${header.nodeCount} objects (${reason})`);
    }
    this.#state = 'between';
  }

  #beginSection(begun: Begun): void {
    if (this.#text === 'strings') {
      this.#wanted = wantedStrings(begun.graph, this.#trace);
      this.#state = 'strings';
    } else {
      this.#numbers = this.#rowsOf(this.#text, begun);
      this.#state = 'numbers';
    }
  }

  #rowsOf(section: string, { header, nodes, edges, locations }: Begun): NumberRows {
    switch (section) {
      case 'nodes':
        return new NumberRows(nodes, header.node.count);
      case 'edges':
        return new NumberRows(edges, header.edge.count);
      case 'trace_function_infos':
        return new NumberRows(new FunctionRows(this.#trace, header), header.functionInfo.count);
      case 'trace_tree':
        return new NumberRows(new TraceRows(this.#trace, header), MAX_FIELDS);
      case 'locations':
        return new NumberRows(locations, header.location.count);
      default:
        return new NumberRows(IGNORED, 1);
    }
  }

  #readNumbers(bytes: Uint8Array, from: number): number {
    const at = this.#numbers.read(bytes, from);
    if (at < 0) throw broken(`"${this.#text}" holds something that is not a number`);
    if (!this.#numbers.ended) return at;
    if (this.#numbers.isWithinRow) throw broken(`"${this.#text}" ends within a row`);
    this.#state = 'between';
    return at;
  }

  #readString(bytes: Uint8Array, from: number): number {
    const { strings } = this.#begun!.graph;
    const wanted = this.#wanted[strings.count] === 1;
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        strings.endText();
        this.#state = 'strings';
        return at + 1;
      }
      if (wanted) strings.push(byte);
      if (byte === BACKSLASH) {
        this.#state = 'escape';
        return at + 1;
      }
    }
    return bytes.length;
  }
}

/** Space between tokens, and the commas and colons that are not needed to tell them apart. */
function isFiller(byte: number): boolean {
  return byte === 0x2c || byte === 0x0a || byte === 0x3a || byte === 0x20 || byte === 0x0d || byte === 0x09;
}
