/** Functions and methods that are replaced so that what they return is seen. */
import type { EntryFunction } from '../../heap/stack.js';

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Told after the call: what it returned, what it was called on and with, and where stacks begin. */
export type Called = (result: unknown, self: unknown, args: readonly unknown[], entry: EntryFunction) => void;

/** Replaces a method by another, which is no constructor either. */
export function replaceMethod(owner: object, name: string, called: Called): void {
  replace(owner, name, (original) => {
    const { method } = {
      method(this: unknown, ...args: unknown[]): unknown {
        const result = Reflect.apply(original, this, args);
        called(result, this, args, method as EntryFunction);
        return result;
      },
    };
    return Object.defineProperties(method, Object.getOwnPropertyDescriptors(original));
  });
}

/**
 * Replaces a function that is called often and takes up to three arguments, of which missing and undefined ones are
 * the same to it, by one that V8 can inline.
 */
export function replaceFunction(
  owner: object,
  name: string,
  called: (result: unknown, first: unknown, entry: EntryFunction) => void,
): void {
  replace(owner, name, (original) => {
    const value = function (this: unknown, first: unknown, second: unknown, third: unknown): unknown {
      const result = original.call(this, first, second, third);
      called(result, first, value as EntryFunction);
      return result;
    };
    return Object.defineProperties(value, Object.getOwnPropertyDescriptors(original));
  });
}

function replace(owner: object, name: string, replacementOf: (original: Method) => Method): void {
  const descriptor = Object.getOwnPropertyDescriptor(owner, name);
  const original = Reflect.get(owner, name) as unknown;
  if (descriptor?.configurable !== true || typeof original !== 'function') return;
  const { enumerable = false, writable = true } = descriptor;
  const value = replacementOf(original as Method);
  Object.defineProperty(owner, name, { value, enumerable, writable, configurable: true });
}
