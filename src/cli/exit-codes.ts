/** What the exit code of every verb means, but for `run`, which passes on the program's own. */
export const EXIT = {
  ok: 0,
  /** It failed, or a limit that the user set is exceeded. */
  failed: 1,
  /** Bad usage, or input that can't be read. */
  badInput: 2,
} as const;
