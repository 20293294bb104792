/**
 * Has V8 count the lines of all scripts, once for each.
 *
 * A heap snapshot tells for each object where its class stands. Older versions of V8 count the lines of the class' script from
 * the beginning for that, for each object again, unless somebody has asked for all lines before: with a class at the end of
 * a bundle of 300 KB and 200,000 objects of it, 23 seconds in place of 1.4. Debuggers ask when they begin.
 */
import { openSession, post, type Session } from './inspector-session.js';

const V8_MAJOR = Number.parseInt(process.versions.v8, 10);
/** From Node 22 on; tried with 11.3 and 12.4. */
const COUNTS_BY_ITSELF = 12;

export class ScriptLines {
  /** Never closed: V8 forgets all object ids with any session that is. */
  #session: Session | undefined;

  /** To be called before ids of objects are taken, so that the session is there, and before each snapshot. */
  count(): void {
    if (V8_MAJOR >= COUNTS_BY_ITSELF) return;
    if (this.#session === undefined) {
      const session = openSession();
      if (typeof session === 'string') return;
      this.#session = session;
    }
    post(this.#session, 'Debugger.enable', {});
    post(this.#session, 'Debugger.disable', {});
  }
}
