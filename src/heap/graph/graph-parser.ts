/**
 * V8's heap snapshot (`.heapsnapshot`) -> `ObjectGraph` and `TraceTree`, byte by byte as chunks arrive: neither the
 * file nor a string of it is ever whole in memory. The grammar is fixed,
 *
 *     {"snapshot":{"meta":{...},"node_count":N,...},"nodes":[...],"edges":[...],"trace_function_infos":[...],
 *      "trace_tree":[...],"samples":[...],"locations":[...],"strings":["...",...]}
 *
 * with flat arrays of whole numbers, one nested array (`trace_tree`) and one of strings; V8 writes pure ASCII. Which
 * numbers mean what stands in `meta`, so fields that a newer V8 adds are stepped over, and so are arrays.
 *
 * Strings come last: by then it is known which of them name something, and only those are kept.
 */
import { OtraceError } from '../../errors.js';
import { EDGE_KINDS, edgeKind, NODE_KINDS, nodeKind, ObjectGraph } from './object-graph.js';
import { type SnapshotHeader, snapshotHeader } from './snapshot-header.js';
import { TraceTree } from './trace-tree.js';

type Section = 'nodes' | 'edges' | 'trace_function_infos' | 'trace_tree' | 'locations' | 'strings' | 'other';
type State = 'header' | 'between' | 'key' | 'value' | 'numbers' | 'strings' | 'string' | 'escape' | 'end';

const SECTIONS: readonly string[] = [
  'nodes',
  'edges',
  'trace_function_infos',
  'trace_tree',
  'locations',
  'strings',
];
/** Fields of a row at most; V8 has seven. */
const MAX_FIELDS = 64;
/** The header is two kilobytes. */
const MAX_HEADER_BYTES = 1024 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

export interface ParsedGraph {
  readonly graph: ObjectGraph;
  readonly trace: TraceTree;
}

export class GraphParser {
  #state: State = 'header';
  #section: Section = 'other';
  /** The header, or a key, so far. */
  #text = '';
  #depth = 0;
  #header: SnapshotHeader | undefined;
  #graph: ObjectGraph | undefined;
  readonly #trace = new TraceTree();
  readonly #row = new Float64Array(MAX_FIELDS);
  #field = 0;
  #fields = 1;
  #number = 0;
  #hasNumber = false;
  #negative = false;
  #nodes = 0;
  #edges = 0;
  #firstEdge = 0;
  /** Rows of the trace tree around the position. */
  #open: number[] = [];
  #locations: number[] = [];
  /** Strings by number that are kept. */
  #wanted: Uint8Array = new Uint8Array(0);

  /** @throws OtraceError `OTRACE_INPUT` when the bytes are not a heap snapshot */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === 'numbers') at = this.#numbers(bytes, at);
      else if (this.#state === 'string') at = this.#string(bytes, at);
      else this.#step(bytes[at++]!);
    }
  }

  /** @throws OtraceError `OTRACE_INPUT` when the snapshot is not whole */
  finish(): ParsedGraph {
    const graph = this.#graph;
    if (this.#state !== 'end' || graph === undefined) throw broken('it ends too early');
    if (this.#nodes !== graph.nodeCount || this.#edges !== graph.edgeCount) {
      throw broken(
        `it announces ${graph.nodeCount} objects and ${graph.edgeCount} references and has others`,
      );
    }
    if (this.#firstEdge !== graph.edgeCount) throw broken('its references do not add up');
    graph.locations = Uint32Array.from(this.#locations);
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
      else if (this.#text.length < MAX_FIELDS) this.#text += String.fromCharCode(byte);
      else throw broken('a key has no end');
    } else if (this.#state === 'value') {
      if (byte === OPEN_BRACKET) this.#begin();
      else if (!isFiller(byte)) throw broken(`"${this.#text}" is not an array`);
    } else if (this.#state === 'strings') {
      if (byte === QUOTE) this.#state = 'string';
      else if (byte === CLOSE_BRACKET) this.#state = 'between';
      else if (!isFiller(byte)) throw broken('a string is missing');
    } else if (this.#state === 'escape') {
      this.#keep(byte);
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
    this.#header = header;
    try {
      this.#graph = new ObjectGraph(header.nodeCount, header.edgeCount);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new OtraceError('OTRACE_INPUT', `there is no memory for ${header.nodeCount} objects (${reason})`);
    }
    this.#state = 'between';
  }

  #begin(): void {
    const section = SECTIONS.includes(this.#text) ? (this.#text as Section) : 'other';
    const header = this.#header!;
    this.#section = section;
    this.#depth = 1;
    this.#field = 0;
    this.#state = section === 'strings' ? 'strings' : 'numbers';
    if (section === 'nodes') this.#fields = header.node.count;
    else if (section === 'edges') this.#fields = header.edge.count;
    else if (section === 'trace_function_infos') this.#fields = header.functionInfo.count;
    else if (section === 'locations') this.#fields = header.location.count;
    else if (section === 'strings') this.#wanted = wantedStrings(this.#graph!, this.#trace);
    else this.#fields = MAX_FIELDS;
  }

  #numbers(bytes: Uint8Array, from: number): number {
    let at = from;
    let number = this.#number;
    let has = this.#hasNumber;
    for (; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte >= ZERO && byte <= NINE) {
        number = number * 10 + (byte - ZERO);
        has = true;
        continue;
      }
      if (has) {
        this.#add(this.#negative ? 0 : number);
        number = 0;
        has = false;
        this.#negative = false;
      }
      if (byte === OPEN_BRACKET) this.#openList();
      else if (byte === CLOSE_BRACKET) {
        if (this.#closeList()) {
          at++;
          break;
        }
      } else if (byte === MINUS) this.#negative = true;
      else if (!isFiller(byte)) throw broken(`"${this.#section}" holds something that is not a number`);
    }
    this.#number = number;
    this.#hasNumber = has;
    return at;
  }

  #add(value: number): void {
    this.#row[this.#field++] = value;
    if (this.#field < this.#fields) return;
    this.#field = 0;
    if (this.#section === 'nodes') this.#addNode();
    else if (this.#section === 'edges') this.#addEdge();
    else if (this.#section === 'trace_function_infos') this.#addFunction();
    else if (this.#section === 'locations') this.#addLocation();
    else if (this.#section === 'trace_tree') throw broken('its trace tree has too many fields');
  }

  #addNode(): void {
    const graph = this.#graph!;
    const { node } = this.#header!;
    const row = this.#row;
    const at = this.#nodes++;
    if (at >= graph.nodeCount) throw broken('it has more objects than it announces');
    graph.kindOf[at] = node.kinds[row[node.type]!] ?? HIDDEN_NODE;
    graph.nameOf[at] = row[node.name]!;
    graph.idOf[at] = row[node.id]!;
    graph.selfBytes[at] = Math.min(row[node.selfSize]!, 0xffff_ffff);
    if (node.traceNodeId >= 0) graph.traceOf[at] = row[node.traceNodeId]!;
    this.#firstEdge += row[node.edgeCount]!;
    graph.firstEdge[at + 1] = this.#firstEdge;
  }

  #addEdge(): void {
    const graph = this.#graph!;
    const { edge, node } = this.#header!;
    const row = this.#row;
    const at = this.#edges++;
    if (at >= graph.edgeCount) throw broken('it has more references than it announces');
    const target = row[edge.toNode]! / node.count;
    if (!(target < graph.nodeCount) || target !== Math.floor(target)) {
      throw broken('a reference leads nowhere');
    }
    graph.edgeKindOf[at] = edge.kinds[row[edge.type]!] ?? HIDDEN_EDGE;
    graph.edgeNameOf[at] = row[edge.nameOrIndex]!;
    graph.edgeTarget[at] = target;
  }

  #addFunction(): void {
    const { functionInfo: field } = this.#header!;
    const row = this.#row;
    this.#trace.functions.push({
      name: row[field.name]!,
      script: row[field.scriptName]!,
      scriptId: row[field.scriptId]!,
      line: row[field.line]!,
      column: row[field.column]!,
    });
  }

  #addLocation(): void {
    const { location: field, node } = this.#header!;
    const row = this.#row;
    const at = row[field.objectIndex]! / node.count;
    if (this.#graph!.kindOf[at] !== CLOSURE) return;
    this.#locations.push(at, row[field.scriptId]!, row[field.line]!, row[field.column]!);
  }

  /** A list inside the trace tree holds the children of the row just read. */
  #openList(): void {
    this.#depth++;
    if (this.#section !== 'trace_tree') {
      if (this.#section !== 'other') throw broken(`"${this.#section}" is nested`);
      return;
    }
    const { traceNode: field } = this.#header!;
    const row = this.#row;
    if (this.#field !== field.count - 1) throw broken('its trace tree is not a tree');
    this.#field = 0;
    this.#open.push(
      this.#trace.add(
        this.#open.at(-1) ?? -1,
        row[field.id]!,
        row[field.functionInfoIndex]!,
        row[field.blocks]!,
        row[field.bytes]!,
      ),
    );
  }

  /** @returns true when the section has ended */
  #closeList(): boolean {
    this.#depth--;
    if (this.#section === 'trace_tree') this.#open.pop();
    if (this.#depth > 0) return false;
    if (this.#field !== 0 && this.#section !== 'other') throw broken(`"${this.#section}" ends within a row`);
    this.#state = 'between';
    return true;
  }

  #string(bytes: Uint8Array, from: number): number {
    const { strings } = this.#graph!;
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

  #keep(byte: number): void {
    const { strings } = this.#graph!;
    if (this.#wanted[strings.count] === 1) strings.push(byte);
  }
}

const HIDDEN_NODE = nodeKind('hidden');
const HIDDEN_EDGE = edgeKind('hidden');
const CLOSURE = nodeKind('closure');

/** The text of a string of the program, or of a number, names nothing; it is what most strings are. */
const NAMELESS = new Set(
  (['string', 'concatenated string', 'sliced string', 'number', 'bigint'] as const).map((kind) =>
    NODE_KINDS.indexOf(kind),
  ),
);

function wantedStrings(graph: ObjectGraph, trace: TraceTree): Uint8Array {
  let last = 0;
  const visit = (use: (index: number) => void): void => {
    for (let node = 0; node < graph.nodeCount; node++) {
      if (!NAMELESS.has(graph.kindOf[node]!)) use(graph.nameOf[node]!);
    }
    for (let edge = 0; edge < graph.edgeCount; edge++) {
      if (graph.isNamed(edge)) use(graph.edgeNameOf[edge]!);
    }
    for (const { name, script } of trace.functions) {
      use(name);
      use(script);
    }
  };
  visit((index) => {
    if (index > last) last = index;
  });
  // More names than there are things to name: not a snapshot of V8's, and not worth the memory.
  if (last > graph.nodeCount + graph.edgeCount + 2 * trace.functions.length + EDGE_KINDS.length) {
    throw broken('a name is out of range');
  }
  const wanted = new Uint8Array(last + 1);
  visit((index) => {
    wanted[index] = 1;
  });
  return wanted;
}

/** Space between tokens, and the commas and colons that are not needed to tell them apart. */
function isFiller(byte: number): boolean {
  return byte === 0x2c || byte === 0x0a || byte === 0x3a || byte === 0x20 || byte === 0x0d || byte === 0x09;
}

function broken(what: string): OtraceError {
  return new OtraceError('OTRACE_INPUT', `this is not a heap snapshot of V8's: ${what}`);
}
