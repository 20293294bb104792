/**
 * What the figures of the `wasm` source cover, in words: for each module how its allocator was found and how much
 * of its memory the hooked blocks account for. A tool that sees a part must not look as if it saw the whole.
 */
import type { LinearHeap } from './linear-heap.js';

interface Gone {
  readonly instances: number;
  readonly blocks: number;
  readonly bytes: number;
}

/** @param untraced reasons by module label */
export function coverageFacts(
  heaps: Iterable<LinearHeap>,
  gone: Gone,
  untraced: ReadonlyMap<string, string>,
): Record<string, string> {
  const facts: Record<string, string> = {};
  const add = (name: string, value: string): void => {
    let unique = name;
    for (let n = 2; unique in facts; n++) unique = `${name}#${n}`;
    facts[unique] = value;
  };
  for (const heap of heaps) {
    const { label, how, complete } = heap.identity;
    const { liveBytes, liveBlocks, unmatchedFrees, impliedFrees } = heap;
    const parts = [
      `allocator found ${how}`,
      `${liveBlocks} blocks, ${liveBytes} bytes live`,
      heap.memoryBytes === 0 ? 'memory not visible' : `memory ${heap.memoryBytes} bytes`,
      `peak ${heap.peakBytes} bytes`,
    ];
    if (!complete)
      parts.push('no realloc found: a block that is resized in place, if any, keeps the size it had');
    if (unmatchedFrees > 0) parts.push(`${unmatchedFrees} frees of unknown blocks`);
    if (impliedFrees > 0) {
      parts.push(
        `${impliedFrees} blocks handed out again whose free was not seen: some frees take another way`,
      );
    }
    const unexplained = heap.unexplainedGrowthBytes;
    if (unexplained > 0) parts.push(`memory grew by ${unexplained} bytes more than these blocks explain`);
    add(`module ${label}`, parts.join('; '));
  }
  for (const [label, reason] of untraced) add(`untraced ${label}`, reason);
  if (gone.instances > 0) {
    facts['collected'] =
      `${gone.instances} instances were garbage collected with ${gone.blocks} blocks, ${gone.bytes} bytes live in them`;
  }
  return facts;
}
