/** How wide the output is and whether it is coloured: decided once a command, by the stream it writes to. */

export interface Terminal {
  /** Columns. */
  readonly width: number;
  readonly colors: boolean;
}

const DEFAULT_WIDTH = 80;

/**
 * A terminal is as wide as it says and coloured unless `NO_COLOR` is set or it is `dumb`. Anything else is 80
 * columns (or `COLUMNS`) and plain.
 */
export function terminalOf(
  stream: { readonly isTTY?: boolean; readonly columns?: number },
  environment: NodeJS.ProcessEnv = process.env,
): Terminal {
  const asked = Number(environment['COLUMNS']);
  const width = stream.columns || (Number.isInteger(asked) && asked > 0 ? asked : DEFAULT_WIDTH);
  const plain = !stream.isTTY || Boolean(environment['NO_COLOR']) || environment['TERM'] === 'dumb';
  return { width, colors: !plain };
}
