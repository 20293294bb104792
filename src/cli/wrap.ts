/**
 * Text from a trace made fit for a terminal: control characters (which could be commands to it) made visible, and
 * long text broken into lines that lose nothing.
 */

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach the terminal
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
const ZERO_WIDTH = /^(?:\p{Mn}|\p{Me}|[\u200b-\u200d])$/u;
const DOUBLE_WIDTH =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}])$/u;
const SPACE = /\s/;
/** Between parts of paths and of qualified names. */
const PUNCTUATION = /[/\\.:,<>()_-]/;

/** The text with control characters shown as `\x1b`. */
export function printable(text: string): string {
  return text.replace(CONTROL, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}

/** Columns that the text takes in a terminal. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const char of text) columns += charColumns(char);
  return columns;
}

/** The text in lines of at most `width` columns (at least one character each), which joined are the text. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  let columns = 0;
  for (const char of text) {
    const next = charColumns(char);
    if (columns + next > width && line !== '') {
      const kept = breakPoint(line);
      lines.push(line.slice(0, kept));
      line = line.slice(kept);
      columns = columnsOf(line);
    }
    line += char;
    columns += next;
  }
  lines.push(line);
  return lines;
}

/** Index to break a full line at: after the last space in its second half, or another good place, or at its end. */
function breakPoint(line: string): number {
  for (const good of [SPACE, PUNCTUATION]) {
    for (let i = line.length; i > line.length / 2; i--) if (good.test(line[i - 1]!)) return i;
  }
  return line.length;
}

function charColumns(char: string): number {
  if (char < '\u0300') return 1;
  if (ZERO_WIDTH.test(char)) return 0;
  return DOUBLE_WIDTH.test(char) ? 2 : 1;
}
