/**
 * Keeps the variables of a CommonJS main script alive to the end of the process, as Node does those of an ES module.
 *
 * When a main script has run to its end and no function of it is kept by anybody, its top-level variables are garbage,
 * and V8 even forgets the script: the report at exit would miss what `const cache = []` held while the program ran,
 * or show it without file and line. So the text that Node is about to compile gets a last line that hands out an empty
 * function made in the script's scope. Positions do not change, nothing is left in the program's globals, and the
 * patched loader is restored as soon as the main script is compiled. A script that throws never gets to its last
 * line; then things are as they would be without this.
 */
import Module from 'node:module';

type Compile = (
  this: { readonly id: string },
  content: string,
  filename: string,
  ...rest: unknown[]
) => unknown;

const KEY = Symbol.for('otrace.main-scope');
const LAST_LINE = "\n;globalThis[Symbol.for('otrace.main-scope')] = () => {};";

export class MainScope {
  /** A function from the main script's scope: holding it is all it is for. */
  #kept: unknown;

  /** REQUIRES: called before the main script is loaded. */
  keep(): void {
    const prototype = (Module as unknown as { prototype: { _compile: Compile } }).prototype;
    const compile = prototype._compile;
    const scope = this;
    let done = false;
    const patched: Compile = function (content, filename, ...rest) {
      const isMain = !done && process.mainModule === this && typeof content === 'string';
      if (!isMain) return compile.call(this, content, filename, ...rest);
      done = true;
      // Who has patched it after us keeps calling us; we then only pass on.
      if (prototype._compile === patched) prototype._compile = compile;
      Object.defineProperty(globalThis, KEY, {
        configurable: true,
        set(made: unknown) {
          scope.#kept = made;
          delete (globalThis as { [KEY]?: unknown })[KEY];
        },
      });
      return compile.call(this, content + LAST_LINE, filename, ...rest);
    };
    prototype._compile = patched;
  }

  /** Lets go of the scope. @returns whether it was held */
  release(): boolean {
    const held = this.#kept !== undefined;
    this.#kept = undefined;
    return held;
  }
}
