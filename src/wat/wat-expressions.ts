/** Reads the text form of WebAssembly into lists of words and lists: `(a (b 1))` -> `[['a', ['b', '1']]]`. */

/** A word, a string in its quotes, or what stands between parentheses. */
export type Expression = string | List;
export type List = Expression[];

const TOKEN = /;;[^\n]*|"[^"]*"|[()]|[^\s()]+/g;

/** @throws Error when the parentheses don't match */
export function readExpressions(text: string): List {
  const all: List = [];
  const open: List[] = [];
  let current = all;
  for (const [token] of text.matchAll(TOKEN)) {
    if (token.startsWith(';;')) continue;
    if (token === '(') {
      const inner: List = [];
      current.push(inner);
      open.push(current);
      current = inner;
    } else if (token === ')') {
      const outer = open.pop();
      if (outer === undefined) throw new Error('a parenthesis too many');
      current = outer;
    } else {
      current.push(token);
    }
  }
  if (open.length > 0) throw new Error('a parenthesis is missing');
  return all;
}

export function asList(expression: Expression | undefined): List {
  if (expression === undefined || typeof expression === 'string')
    throw new Error(`a list is wanted in place of ${expression}`);
  return expression;
}

export function asWord(expression: Expression | undefined): string {
  if (typeof expression !== 'string') throw new Error('a word is wanted in place of a list');
  return expression;
}

/** Without its quotes. */
export function asText(expression: Expression | undefined): string {
  return asWord(expression).slice(1, -1);
}
