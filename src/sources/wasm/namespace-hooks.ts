/**
 * Replacing functions and classes of a namespace so that it does not show, and telling what a program passes to
 * them. What the replacements do is said in `web-assembly.ts`.
 */

export type Arguments = readonly unknown[];
export type AnyFunction = (...args: never[]) => unknown;
export type Namespace = typeof WebAssembly;

/** The bytes that a `BufferSource` holds; undefined for anything else. */
export function bytesOf(source: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(source)) {
    return new Uint8Array(source.buffer as ArrayBuffer, source.byteOffset, source.byteLength);
  }
  const tag = Object.prototype.toString.call(source);
  return tag === '[object ArrayBuffer]' || tag === '[object SharedArrayBuffer]'
    ? new Uint8Array(source as ArrayBuffer)
    : undefined;
}

/** Whether the engine would take a response's body. */
export function isWasmResponse(value: unknown): value is Response {
  if (typeof Response !== 'function' || !(value instanceof Response)) return false;
  const type = value.headers.get('content-type') ?? '';
  return value.ok && !value.bodyUsed && /^application\/wasm$/i.test(type.trim());
}

/** A proxy keeps what can be seen of a function: its name, length and text, and that it is no constructor. */
export function replace(owner: object, name: string, call: (args: Arguments) => unknown): void {
  const descriptor = Object.getOwnPropertyDescriptor(owner, name);
  if (descriptor === undefined) return;
  const value = new Proxy(descriptor.value as AnyFunction, { apply: (_target, _this, args) => call(args) });
  Object.defineProperty(owner, name, { ...descriptor, value });
}

export function replaceClass(
  namespace: Namespace,
  name: 'Module' | 'Instance',
  make: (args: Arguments, target: AnyFunction) => object,
): void {
  const original = namespace[name] as unknown as AnyFunction & { prototype: object };
  const value: AnyFunction = new Proxy(original, {
    construct: (target, args, newTarget) =>
      make(args, newTarget === value ? target : (newTarget as AnyFunction)),
  });
  const descriptor = Object.getOwnPropertyDescriptor(namespace, name)!;
  Object.defineProperty(namespace, name, { ...descriptor, value });
  const link = Object.getOwnPropertyDescriptor(original.prototype, 'constructor')!;
  Object.defineProperty(original.prototype, 'constructor', { ...link, value });
}
