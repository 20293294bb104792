/**
 * Rust symbols: the old form, which looks like C++ with a hash at its end, and the present one (v0, RFC 2603).
 * Hashes and disambiguators are left out; lifetimes are not shown.
 */

const ESCAPES: Readonly<Record<string, string>> = {
  SP: '@',
  BP: '*',
  RF: '&',
  LT: '<',
  GT: '>',
  LP: '(',
  RP: ')',
  C: ',',
};

/** `_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE` -> `core::fmt::Write::write_fmt` */
export function demangleRustLegacy(mangled: string): string | undefined {
  if (!/^_ZN.*17h[0-9a-f]{16}E$/.test(mangled)) return undefined;
  const parts: string[] = [];
  let at = 3;
  while (mangled[at] !== 'E') {
    const digits = /^\d+/.exec(mangled.slice(at, at + 6))?.[0];
    if (digits === undefined) return undefined;
    at += digits.length;
    parts.push(mangled.slice(at, at + Number(digits)));
    at += Number(digits);
    if (at >= mangled.length) return undefined;
  }
  parts.pop();
  return parts.map(unescapeLegacy).join('::');
}

function unescapeLegacy(part: string): string {
  return part
    .replace(/^_\$/, '$')
    .replace(/\$(u[0-9a-f]+|[A-Z]+)\$/g, (whole, code: string) =>
      code.startsWith('u')
        ? String.fromCodePoint(Number.parseInt(code.slice(1), 16))
        : (ESCAPES[code] ?? whole),
    )
    .replaceAll('..', '::');
}

const BASIC: Readonly<Record<string, string>> = {
  a: 'i8',
  b: 'bool',
  c: 'char',
  d: 'f64',
  e: 'str',
  f: 'f32',
  h: 'u8',
  i: 'isize',
  j: 'usize',
  l: 'i32',
  m: 'u32',
  n: 'i128',
  o: 'u128',
  p: '_',
  s: 'i16',
  t: 'u16',
  u: '()',
  v: '...',
  x: 'i64',
  y: 'u64',
  z: '!',
};

/** `_RNvCs1234_7mycrate3foo` -> `mycrate::foo` */
export function demangleRustV0(mangled: string): string | undefined {
  const reader = new V0Reader(mangled.slice(2));
  try {
    return reader.path(false);
  } catch {
    return undefined;
  }
}

/** Back references count from after `_R`. */
class V0Reader {
  readonly #text: string;
  #at = 0;
  #steps = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** @param inType generic arguments of a type are written without `::` before them */
  path(inType: boolean): string {
    this.#step();
    switch (this.#next()) {
      case 'C':
        return this.#identifier().name;
      case 'M':
        this.#implPath();
        return `<${this.#type()}>`;
      case 'X': {
        this.#implPath();
        const type = this.#type();
        return `<${type} as ${this.path(true)}>`;
      }
      case 'Y': {
        const type = this.#type();
        return `<${type} as ${this.path(true)}>`;
      }
      case 'N':
        return this.#nested(inType);
      case 'I': {
        const path = this.path(inType);
        const generics = this.#list(() => this.#generic());
        return `${path}${inType ? '' : '::'}<${generics.join(', ')}>`;
      }
      case 'B':
        return this.#backReference(() => this.path(inType));
      default:
        return this.#fail();
    }
  }

  #nested(inType: boolean): string {
    const namespace = this.#next();
    const path = this.path(inType);
    const { name, disambiguator } = this.#identifier();
    if (/[a-z]/.test(namespace)) return name === '' ? path : `${path}::${name}`;
    const kind = namespace === 'C' ? 'closure' : namespace === 'S' ? 'shim' : namespace;
    return `${path}::{${kind}${name === '' ? '' : `:${name}`}#${disambiguator}}`;
  }

  /** Where an impl stands: not shown. */
  #implPath(): void {
    this.#disambiguator();
    this.path(false);
  }

  #generic(): string {
    if (this.#take('L')) return this.#lifetime();
    return this.#take('K') ? this.#constant() : this.#type();
  }

  #type(): string {
    this.#step();
    const letter = this.#peek();
    const basic = BASIC[letter];
    if (basic !== undefined) {
      this.#at++;
      return basic;
    }
    if ('CMXYNI'.includes(letter)) return this.path(true);
    this.#at++;
    switch (letter) {
      case 'A': {
        const element = this.#type();
        return `[${element}; ${this.#constant()}]`;
      }
      case 'S':
        return `[${this.#type()}]`;
      case 'T': {
        const types = this.#list(() => this.#type());
        return `(${types.join(', ')}${types.length === 1 ? ',' : ''})`;
      }
      case 'R':
      case 'Q': {
        if (this.#take('L')) this.#lifetime();
        return `&${letter === 'Q' ? 'mut ' : ''}${this.#type()}`;
      }
      case 'P':
        return `*const ${this.#type()}`;
      case 'O':
        return `*mut ${this.#type()}`;
      case 'F':
        return this.#functionType();
      case 'D':
        return this.#dynamicType();
      case 'B':
        return this.#backReference(() => this.#type());
      default:
        return this.#fail();
    }
  }

  #functionType(): string {
    if (this.#take('G')) this.#base62();
    const unsafe = this.#take('U') ? 'unsafe ' : '';
    let abi = '';
    if (this.#take('K'))
      abi = `extern "${this.#take('C') ? 'C' : this.#identifier().name.replaceAll('_', '-')}" `;
    const parameters = this.#list(() => this.#type());
    const result = this.#type();
    return `${unsafe}${abi}fn(${parameters.join(', ')})${result === '()' ? '' : ` -> ${result}`}`;
  }

  #dynamicType(): string {
    if (this.#take('G')) this.#base62();
    const traits = this.#list(() => {
      let path = this.path(true);
      while (this.#take('p')) {
        const binding = `${this.#identifier().name} = ${this.#type()}`;
        path = path.endsWith('>') ? `${path.slice(0, -1)}, ${binding}>` : `${path}<${binding}>`;
      }
      return path;
    });
    if (!this.#take('L')) this.#fail();
    this.#lifetime();
    return `dyn ${traits.join(' + ')}`;
  }

  #constant(): string {
    if (this.#take('p')) return '_';
    if (this.#take('B')) return this.#backReference(() => this.#constant());
    const type = this.#next();
    const negative = this.#take('n');
    const end = this.#text.indexOf('_', this.#at);
    const digits = this.#text.slice(this.#at, end);
    if (end < 0 || !/^[0-9a-f]*$/.test(digits)) this.#fail();
    this.#at = end + 1;
    const value = BigInt(`0x${digits || '0'}`);
    if (type === 'b') return value === 0n ? 'false' : 'true';
    if (type === 'c') return JSON.stringify(String.fromCodePoint(Number(value))).replace(/^"|"$/g, "'");
    return `${negative ? '-' : ''}${value}`;
  }

  /** Erased, or one of those bound by `for<>`. */
  #lifetime(): string {
    return this.#base62() === 0 ? "'_" : "'a";
  }

  #identifier(): { name: string; disambiguator: number } {
    const disambiguator = this.#disambiguator();
    const punycode = this.#take('u');
    const digits = /^(0|[1-9]\d*)/.exec(this.#text.slice(this.#at, this.#at + 6))?.[0];
    if (digits === undefined) return this.#fail();
    this.#at += digits.length;
    this.#take('_');
    const name = this.#text.slice(this.#at, this.#at + Number(digits));
    this.#at += Number(digits);
    if (this.#at > this.#text.length) this.#fail();
    return { name: punycode ? `punycode{${name}}` : name, disambiguator };
  }

  #disambiguator(): number {
    return this.#take('s') ? this.#base62() + 1 : 0;
  }

  #base62(): number {
    if (this.#take('_')) return 0;
    let value = 0;
    for (;;) {
      const letter = this.#next();
      if (letter === '_') return value + 1;
      const digit = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'.indexOf(letter);
      if (digit < 0) this.#fail();
      value = value * 62 + digit;
    }
  }

  #backReference<T>(read: () => T): T {
    const from = this.#at - 1;
    const target = this.#base62();
    if (target >= from) this.#fail();
    const after = this.#at;
    this.#at = target;
    const result = read();
    this.#at = after;
    return result;
  }

  #list<T>(read: () => T): T[] {
    const items: T[] = [];
    while (!this.#take('E')) items.push(read());
    return items;
  }

  #peek(): string {
    return this.#text[this.#at] ?? '';
  }

  #next(): string {
    return this.#text[this.#at++] ?? this.#fail();
  }

  #take(letter: string): boolean {
    if (this.#text[this.#at] !== letter) return false;
    this.#at++;
    return true;
  }

  /** Back references to back references could go on for ever. */
  #step(): void {
    if (this.#steps++ > 2000) this.#fail();
  }

  #fail(): never {
    throw new SyntaxError('not a symbol');
  }
}
