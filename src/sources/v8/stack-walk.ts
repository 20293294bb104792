/**
 * A walk over a tree of calling contexts, whoever made it, that names each context by the stack a reader is shown.
 *
 * Cost: one pass over the tree, without recursion; stacks are walked only for nodes that hold something and only as
 * far as they are shown, each distinct frame is classified, mapped and formatted once, and stacks are compared as
 * lists of frame numbers.
 */
import type { Frame } from '../../heap/frame.js';
import { FrameTable } from './frame-table.js';
import type { CallFrame } from './sampler.js';
import { type FrameRules, type StackLink, trimStack } from './trim.js';

/** How a tree of calling contexts is read. */
export interface TreeShape<Node> {
  readonly callFrame: (node: Node) => CallFrame;
  /** Whether there is anything to tell of the node itself. */
  readonly holds: (node: Node) => boolean;
}

export interface ShownStack {
  readonly frames: readonly Frame[];
  /** Equal for stacks that read the same. */
  readonly key: string;
}

/** A tree node still to be visited. */
interface Pending<Node> {
  readonly node: Node;
  readonly outer: StackLink | undefined;
}

/**
 * @param stackDepth frames shown of a stack; contexts that differ only further out have the same
 * @param visit called for each node that holds something; without a stack when otrace allocated for itself
 */
export function walkStacks<Node extends { readonly children: readonly Node[] }>(
  root: Node,
  shape: TreeShape<Node>,
  stackDepth: number,
  rules: FrameRules,
  visit: (node: Node, stack: ShownStack | undefined) => void,
): void {
  const frames = new FrameTable(rules);
  const pending: Pending<Node>[] = [{ node: root, outer: undefined }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, outer } = next;
    const link: StackLink = { entry: frames.of(shape.callFrame(node)), outer };
    for (const child of node.children) pending.push({ node: child, outer: link });
    if (!shape.holds(node)) continue;
    const shown = trimStack(link, stackDepth);
    visit(node, shown && { frames: shown, key: frames.keyOf(shown) });
  }
}
