/**
 * Who holds a set of objects: ten thousand sessions are not ten thousand findings but one, the map that has them.
 *
 * From the root down the tree of owners (`dominators.ts`), what each object owns of the set is summed up, and the way
 * is followed to where the weight lies: an owner under which many objects of one class stand side by side is their
 * *holder*, and they are one *group*. A new object that holds most of its weight in such a group is passed through (a
 * cache made since the mark is the holder of its entries, not the finding); a chain (list, tree, promises that wait
 * for each other) is one group that begins with its first object.
 *
 * The engine's own arrays, contexts and shapes are looked through: they belong to the object that has them.
 */
import { classKey, KINDS } from './class-name.js';
import type { Dominators } from './dominators.js';
import { edgeKind, nodeKind, type ObjectGraph } from './object-graph.js';
import type { Reach } from './reach.js';

export interface HeldGroup {
  /** The object that owns them. */
  readonly holder: number;
  /** The largest of them, for whom the way from the root is told. */
  readonly member: number;
  /** Objects of the member's kind and class, in the group and below it. */
  readonly objects: number;
  /** Bytes of the set that go with the group. */
  readonly bytes: number;
}

/** What one owner has of one class, side by side; variables of another name are another rank. */
interface Rank {
  members: number[];
  readonly inSet: boolean;
  bytes: number;
  largest: number;
}

const TRANSPARENT = new Set(
  (['hidden', 'array', 'code', 'object shape', 'synthetic', 'native'] as const).map(nodeKind),
);
const OBJECT = nodeKind('object');
const CONTEXT = edgeKind('context');
/** Groups that make up less than this share of the whole are not told apart. */
const LEAST_SHARE = 0.005;
/** A new object is passed through when this much of its weight lies in one group below it. */
const PASSING_SHARE = 0.5;
/** Objects side by side; fewer are told one by one. */
const CROWD = 8;
/** Objects of one class in one another; fewer are containers in containers. */
const CHAIN_LENGTH = 8;

export class Holders {
  readonly #graph: ObjectGraph;
  readonly #dominators: Dominators;
  readonly #reach: Reach;

  constructor(graph: ObjectGraph, reach: Reach, dominators: Dominators) {
    this.#graph = graph;
    this.#reach = reach;
    this.#dominators = dominators;
  }

  /**
   * The groups of a set, those of most bytes first.
   *
   * @param inSet 1 for each node of the set
   */
  groups(inSet: Uint8Array): HeldGroup[] {
    const found = this.#graph.columns.during(() => {
      const bytes = this.#graph.columns.floats(this.#graph.nodeCount);
      for (const node of this.#dominators.order) {
        if (inSet[node] === 1) bytes[node] = this.#graph.selfBytes[node]!;
      }
      this.#dominators.accumulate(bytes);
      return new Search(this.#graph, this, this.#dominators, inSet, bytes).run();
    });
    return found.sort((a, b) => b.bytes - a.bytes || b.objects - a.objects || a.member - b.member);
  }

  /** Whether the node is a part of the object that has it, not an object to a person. */
  isPart(node: number): boolean {
    const kind = this.#graph.kindOf[node]!;
    return (
      TRANSPARENT.has(kind) ||
      (kind === OBJECT && this.#graph.strings.endsWith(this.#graph.nameOf[node]!, 'system / Context'))
    );
  }

  /** Equal for objects that may be told as one: of one class, and variables only of one name. */
  rankKey(node: number): number {
    const edge = this.#reach.parentEdge[node]!;
    const variable = this.#graph.edgeKindOf[edge] === CONTEXT ? this.#graph.edgeNameOf[edge]! + 1 : 0;
    return classKey(this.#graph, node) + variable * this.#graph.strings.count * KINDS;
  }
}

class Search {
  readonly #graph: ObjectGraph;
  readonly #holders: Holders;
  readonly #dominators: Dominators;
  readonly #inSet: Uint8Array;
  /** Bytes of the set that each node owns. */
  readonly #bytes: Float64Array;
  readonly #groups: { -readonly [Field in keyof HeldGroup]: HeldGroup[Field] }[] = [];
  readonly #least: number;

  constructor(
    graph: ObjectGraph,
    holders: Holders,
    dominators: Dominators,
    inSet: Uint8Array,
    bytes: Float64Array,
  ) {
    this.#graph = graph;
    this.#holders = holders;
    this.#dominators = dominators;
    this.#inSet = inSet;
    this.#bytes = bytes;
    this.#least = (bytes[0] ?? 0) * LEAST_SHARE;
  }

  run(): HeldGroup[] {
    if ((this.#bytes[0] ?? 0) === 0) return [];
    const pending = [0];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      for (const rank of this.#ranksBelow(node)) {
        if (rank.bytes < this.#least) continue;
        if (!rank.inSet) {
          if (this.#isCrowd(rank)) this.#add(node, rank, this.#firstInSet(rank.largest));
          else
            for (const member of rank.members) if (this.#bytes[member]! >= this.#least) pending.push(member);
        } else if (this.#isCrowd(rank)) {
          this.#add(node, rank, rank.largest);
        } else {
          for (const member of this.#splitOff(rank)) {
            const passed = this.#passThrough(member);
            if (passed === undefined) this.#add(node, this.#alone(rank, member), member);
            else pending.push(passed);
          }
          if (rank.members.length > 0 && rank.bytes >= this.#least) this.#add(node, rank, rank.largest);
        }
      }
    }
    return this.#groups;
  }

  /** What a node owns of the set, by class; parts of objects are replaced by what they own. */
  #ranksBelow(node: number): Rank[] {
    const ranks = new Map<number, Rank>();
    const parts = [node];
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      this.#dominators.forEachOwned(part, (owned) => {
        const bytes = this.#bytes[owned]!;
        if (bytes === 0) return;
        if (this.#holders.isPart(owned) && !this.#isLoosePart(owned)) {
          parts.push(owned);
          return;
        }
        const inSet = this.#inSet[owned] === 1;
        const key = this.#holders.rankKey(owned) * 2 + (inSet ? 1 : 0);
        const rank = ranks.get(key);
        if (rank === undefined) {
          ranks.set(key, { members: [owned], inSet, bytes, largest: owned });
          return;
        }
        rank.members.push(owned);
        rank.bytes += bytes;
        if (bytes > this.#bytes[rank.largest]!) rank.largest = owned;
      });
    }
    return [...ranks.values()].sort((a, b) => b.bytes - a.bytes);
  }

  /** A part of which nothing but itself is in the set: then it is all there is to name. */
  #isLoosePart(node: number): boolean {
    if (this.#inSet[node] !== 1) return false;
    let owns = false;
    this.#dominators.forEachOwned(node, (owned) => {
      if (this.#bytes[owned]! > 0) owns = true;
    });
    return !owns;
  }

  /**
   * From a new object down to the one that holds a group with most of its weight; undefined when there is none, so
   * that the object itself is the finding. Where a class comes again and again on the way, it is a chain: that
   * is the group, and its holder what stands before its first object.
   */
  #passThrough(entry: number): number | undefined {
    const wanted = this.#bytes[entry]! * PASSING_SHARE;
    const way = [entry];
    const classes = [classKey(this.#graph, entry)];
    for (;;) {
      const node = way.at(-1)!;
      const heaviest = this.#ranksBelow(node)[0];
      if (heaviest === undefined || heaviest.bytes < wanted) return undefined;
      const key = classKey(this.#graph, heaviest.largest);
      if (this.#isCrowd(heaviest)) return node;
      if (classes.filter((other) => other === key).length >= CHAIN_LENGTH) {
        const first = classes.indexOf(key);
        return first === 0 ? undefined : way[first - 1];
      }
      way.push(heaviest.largest);
      classes.push(key);
    }
  }

  #alone(rank: Rank, member: number): Rank {
    return { members: [member], inSet: rank.inSet, bytes: this.#bytes[member]!, largest: member };
  }

  /** Takes those out of a rank that count for themselves. @returns them */
  #splitOff(rank: Rank): number[] {
    const [heavy, light]: [number[], number[]] = [[], []];
    for (const member of rank.members) (this.#bytes[member]! >= this.#least ? heavy : light).push(member);
    for (const member of heavy) rank.bytes -= this.#bytes[member]!;
    rank.members = light;
    rank.largest = light[0] ?? 0;
    for (const member of light) if (this.#bytes[member]! > this.#bytes[rank.largest]!) rank.largest = member;
    return heavy;
  }

  /** Many objects, each with a little of the weight: what they are, or have, is one group. */
  #isCrowd(rank: Rank): boolean {
    return rank.members.length >= CROWD && this.#bytes[rank.largest]! * 2 < rank.bytes;
  }

  /** The way of most weight from an object that is not of the set down to one that is. */
  #firstInSet(from: number): number {
    let node = from;
    while (this.#inSet[node] === 0) node = this.#ranksBelow(node)[0]!.largest;
    return node;
  }

  #add(holder: number, rank: Rank, member: number): void {
    // An array's own table, grown for what it has since: it goes with that.
    const beside = this.#holders.isPart(member)
      ? this.#groups.find((group) => group.holder === holder)
      : undefined;
    if (beside !== undefined) {
      beside.bytes += rank.bytes;
      return;
    }
    this.#groups.push({ holder, member, objects: this.#countOf(rank, member), bytes: rank.bytes });
  }

  #countOf(rank: Rank, member: number): number {
    const wanted = classKey(this.#graph, member);
    const pending = [...rank.members];
    let count = 0;
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      if (this.#inSet[node] === 1 && classKey(this.#graph, node) === wanted) count++;
      this.#dominators.forEachOwned(node, (owned) => {
        if (this.#bytes[owned]! > 0) pending.push(owned);
      });
    }
    return count;
  }
}
