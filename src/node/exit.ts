/** Work to be done when the process ends, in an order that does not depend on who asked first. */

export type ExitTask = () => void;

/**
 * Runs tasks when this thread's `exit` event comes: first those that add to the trace, last the one that writes it.
 * The listener is installed with the first task, so a program that never records has none.
 */
export class ExitTasks {
  readonly #before: ExitTask[] = [];
  #last: ExitTask | undefined;
  #installed = false;
  #ran = false;

  /** Adds a task that is to run before the last one. */
  before(task: ExitTask): void {
    this.#before.push(task);
    this.#install();
  }

  /** Sets the task that runs when all others have. */
  last(task: ExitTask): void {
    this.#last = task;
    this.#install();
  }

  /** Runs everything now, once; the `exit` event then finds nothing to do. */
  run(): void {
    if (this.#ran) return;
    this.#ran = true;
    for (const task of [...this.#before, this.#last]) task?.();
  }

  #install(): void {
    if (this.#installed) return;
    this.#installed = true;
    process.on('exit', () => this.run());
  }
}
