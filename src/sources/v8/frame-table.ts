/**
 * Every frame of one profile once. Frames that read the same get the same number, so that two loads of one file, or
 * two positions that a source map joins, make one site.
 */
import { type Frame, formatFrame } from '../../heap/frame.js';
import type { CallFrame } from './sampler.js';
import { type ClassifiedFrame, classify, type FrameRules } from './trim.js';

export class FrameTable {
  readonly #rules: FrameRules;
  readonly #byPosition = new Map<string, ClassifiedFrame>();
  readonly #numberOfText = new Map<string, number>();
  readonly #numberOf = new Map<Frame, number>();

  constructor(rules: FrameRules) {
    this.#rules = rules;
  }

  of(call: CallFrame): ClassifiedFrame {
    const { scriptId, lineNumber, columnNumber, functionName } = call;
    const position = `${scriptId}:${lineNumber}:${columnNumber}:${functionName}`;
    let classified = this.#byPosition.get(position);
    if (classified === undefined) {
      classified = classify(call, this.#rules);
      this.#byPosition.set(position, classified);
      const text = formatFrame(classified.frame);
      const number = this.#numberOfText.get(text) ?? this.#numberOfText.size;
      this.#numberOfText.set(text, number);
      this.#numberOf.set(classified.frame, number);
    }
    return classified;
  }

  keyOf(stack: readonly Frame[]): string {
    return stack.map((frame) => this.#numberOf.get(frame)).join(',');
  }
}
