/**
 * Classes of the global object that are replaced so that their instances are seen, and the program does not see that.
 *
 * The replacement is a function, bound: a bound function has the text of a native one, passes `new.target` of a
 * derived class on, answers `instanceof` for its target, and, unlike a Proxy, is inlined by V8. Own properties,
 * descriptors and the prototype chain are copied, and `prototype.constructor` points to it, so that species, too,
 * leads here. What can be told: `Function.prototype.toString` gives no name (so that
 * `util.inspect(Blob)` says function and not class), and whoever kept the original from
 * before has two functions that are not equal.
 */

import { withFastProperties } from './fast-properties.js';

type Construct = new (first?: unknown, second?: unknown, third?: unknown) => object;

/** Told of each instance: the first argument says whether it made memory. */
export type Made = (instance: object, first: unknown, entry: (...args: never[]) => unknown) => void;

/**
 * @param owners objects that have the class under its name; the first one's is taken
 * @param required arguments that must be there, even if undefined: with fewer it throws
 * @returns the replacement; undefined when there is no such class, or it can't be replaced
 */
export function replaceConstructor(
  owners: readonly object[],
  name: string,
  made: Made,
  required = 0,
): object | undefined {
  const [first] = owners;
  const original = first === undefined ? undefined : (Reflect.get(first, name) as unknown);
  if (typeof original !== 'function') return undefined;
  const replacement = replacementOf(original as unknown as Construct, made, required);
  for (const owner of owners) {
    if (Reflect.get(owner, name) !== original) continue;
    const descriptor = Object.getOwnPropertyDescriptor(owner, name);
    if (descriptor?.configurable !== true) continue;
    const { enumerable = false, writable = true } = descriptor;
    Object.defineProperty(owner, name, { value: replacement, enumerable, writable, configurable: true });
  }
  const prototype = original.prototype as object;
  const link = Object.getOwnPropertyDescriptor(prototype, 'constructor')!;
  Object.defineProperty(prototype, 'constructor', { ...link, value: replacement });
  return replacement;
}

function replacementOf(original: Construct, made: Made, required: number): object {
  // Missing arguments and undefined ones are the same to these classes, but for those required.
  const construct = function (first: unknown, second: unknown, third: unknown): object {
    if (new.target === undefined) return (original as unknown as () => object)(); // throws what it throws
    // biome-ignore lint/complexity/noArguments: rest parameters would take memory for each call
    if (arguments.length < required) return new original();
    const instance =
      new.target === (construct as unknown)
        ? new original(first, second, third)
        : (Reflect.construct(original, [first, second, third], new.target) as object);
    made(instance, first, construct);
    return instance;
  };
  Object.setPrototypeOf(construct, Object.getPrototypeOf(original) as object);
  Object.defineProperty(construct, 'prototype', {
    ...Object.getOwnPropertyDescriptor(original, 'prototype'),
  });
  const replacement = withFastProperties(construct).bind(undefined);
  Object.defineProperties(replacement, Object.getOwnPropertyDescriptors(original));
  return withFastProperties(replacement);
}
