/**
 * A class whose instances are told of as they are made. What is returned is a Proxy of the class with a `construct`
 * trap and nothing else, so statics, `instanceof`, name and prototype are the class' own; `prototype.constructor`
 * points to it, and a class that extends it is told of under its own name.
 */
import type { EntryFunction } from './stack.js';

export interface TrackOptions {
  readonly bytes?: number;
  /** Of the class, as reports show it. */
  readonly name?: string;
}

/** Every class is assignable to it. */
export type AnyClass = abstract new (...args: never[]) => object;

export interface TrackClassOptions<C extends AnyClass> {
  /** Of an instance, or how to tell; left out, its shallow size. */
  readonly bytes?: number | ((instance: InstanceType<C>) => number);
  /** Default: the name of the class that was constructed. */
  readonly name?: string;
}

/** @param made told of each instance after its constructor has run */
export function trackedClass<C extends AnyClass>(
  original: C,
  made: (instance: InstanceType<C>, className: string, entry: EntryFunction) => void,
): C {
  const construct = (target: C, args: unknown[], newTarget: unknown): object => {
    const actual = (newTarget === tracked ? target : newTarget) as C;
    const instance = Reflect.construct(target, args, actual) as InstanceType<C>;
    made(instance, actual.name, construct as EntryFunction);
    return instance;
  };
  const tracked: C = new Proxy(original, { construct });
  const prototype = original.prototype as object;
  const link = Object.getOwnPropertyDescriptor(prototype, 'constructor');
  if (link?.configurable === true)
    Object.defineProperty(prototype, 'constructor', { ...link, value: tracked });
  return tracked;
}

const HEADER_BYTES = 24;
const PROPERTY_BYTES = 8;

/** What a 64-bit V8 takes for an object with its number of properties, without what they refer to. */
export function shallowBytes(object: object): number {
  return HEADER_BYTES + PROPERTY_BYTES * Object.keys(object).length;
}
