/**
 * C++ symbols of the Itanium ABI, the common part of the grammar: nested names, templates and their packs,
 * substitutions, operators, constructors, lambdas, local names, pointers to functions and members, literals,
 * virtual tables and thunks. Not known: expressions in template arguments, vector types, constraints.
 *
 * A type is kept in two halves, since a declarator goes inside: `void (` `)(int)`.
 */

import { BUILTIN, OPERATORS, SPECIAL, STANDARD } from './demangle-cpp-tables.js';

/** What goes before a declarator, and what after. */
type Halves = readonly [string, string];

interface Name {
  readonly text: string;
  /** Ends in template arguments: a function's return type is then part of the symbol. */
  readonly isTemplate: boolean;
  /** Constructor, destructor or conversion: it has no return type. */
  readonly hasNoReturn: boolean;
  /** cv- and reference qualifiers of a member function. */
  readonly qualifiers: string;
}

/** @returns undefined for what is no C++ symbol, or one with a part that is not known */
export function demangleCpp(mangled: string): string | undefined {
  if (!mangled.startsWith('_Z')) return undefined;
  try {
    const reader = new CppReader(mangled, 2);
    const text = reader.encoding();
    return reader.atEnd ? text : undefined;
  } catch {
    return undefined;
  }
}

class CppReader {
  readonly #text: string;
  #at: number;
  #steps = 0;
  readonly #substitutions: Halves[] = [];
  /** Arguments of the template that `T_` refers to; a list for a pack. */
  #arguments: (Halves | readonly Halves[])[] = [];
  /** Which element of packs is being read, and how many the last one met has. */
  #packIndex = 0;
  #packLength = -1;
  /** The last name of the innermost class, for its constructors. */
  #lastName = '';

  constructor(text: string, at: number) {
    this.#text = text;
    this.#at = at;
  }

  get atEnd(): boolean {
    return this.#at === this.#text.length;
  }

  encoding(): string {
    const special = SPECIAL[this.#text.slice(this.#at, this.#at + 2)];
    if (special !== undefined) {
      this.#at += 2;
      return (
        special +
        (special.includes('variable') || special.includes('thread') ? this.#name().text : join(this.#type()))
      );
    }
    const thunk = /^T[hv]/.exec(this.#text.slice(this.#at, this.#at + 2))?.[0];
    if (thunk !== undefined) {
      this.#at++;
      this.#offset();
      return `${thunk === 'Th' ? 'non-virtual' : 'virtual'} thunk to ${this.encoding()}`;
    }
    const name = this.#name();
    if (this.atEnd || this.#peek() === 'E') return name.text;
    const result = name.isTemplate && !name.hasNoReturn ? this.#type() : undefined;
    const parameters = this.#parameters();
    if (result === undefined) return `${name.text}(${parameters})${name.qualifiers}`;
    const [before, after] = result;
    return `${before}${/[*&(]$/.test(before) && after !== '' ? '' : ' '}${name.text}(${parameters})${name.qualifiers}${after}`;
  }

  #parameters(): string {
    const types: string[] = [];
    while (!this.atEnd && !'E'.includes(this.#peek())) types.push(join(this.#type()));
    if (types.length === 1 && types[0] === 'void') return '';
    return types.filter((type) => type !== '').join(', ');
  }

  #offset(): void {
    if (this.#take('h')) this.#number();
    else if (this.#take('v')) {
      this.#number();
      this.#expect('_');
      this.#number();
    } else this.#fail();
    this.#expect('_');
  }

  #name(): Name {
    this.#step();
    if (this.#take('N')) return this.#nestedName();
    if (this.#take('Z')) return this.#localName();
    const plain = { isTemplate: false, hasNoReturn: false, qualifiers: '' };
    let text: string;
    let hasNoReturn = false;
    if (this.#peek() === 'S' && this.#peekAt(1) !== 't') {
      [text] = this.#substitution();
      if (this.#peek() !== 'I') return { ...plain, text };
    } else {
      const prefix = this.#take('St') ? 'std::' : '';
      const unqualified = this.#unqualifiedName();
      text = prefix + unqualified.text;
      hasNoReturn = unqualified.hasNoReturn;
      if (this.#peek() !== 'I') return { ...plain, text, hasNoReturn };
      this.#remember([text, '']);
    }
    return { ...plain, text: spaced(text) + this.#templateArguments(true), isTemplate: true, hasNoReturn };
  }

  #nestedName(): Name {
    const cv = this.#cvQualifiers();
    const reference = this.#take('R') ? ' &' : this.#take('O') ? ' &&' : '';
    let text = '';
    let isTemplate = false;
    let hasNoReturn = false;
    while (!this.#take('E')) {
      this.#step();
      const letter = this.#peek();
      if (letter === 'S' && this.#peekAt(1) !== 't') {
        [text] = this.#substitution();
        isTemplate = false;
        continue; // a substitution is no new candidate
      }
      if (letter === 'I') {
        text = spaced(text) + this.#templateArguments(true);
        isTemplate = true;
      } else if (letter === 'T') {
        text = join(this.#templateParameter());
        isTemplate = false;
      } else if (this.#take('St')) {
        text = 'std';
        continue;
      } else {
        const part = this.#unqualifiedName();
        text = text === '' ? part.text : `${text}::${part.text}`;
        isTemplate = false;
        hasNoReturn = part.hasNoReturn;
      }
      if (this.#peek() !== 'E') this.#remember([text, '']);
    }
    return { text, isTemplate, hasNoReturn, qualifiers: cv + reference };
  }

  #localName(): Name {
    const outer = this.encoding();
    this.#expect('E');
    if (this.#take('s')) {
      this.#discriminator();
      return { text: `${outer}::string literal`, isTemplate: false, hasNoReturn: false, qualifiers: '' };
    }
    if (this.#take('d')) {
      if (this.#peek() !== '_') this.#number();
      this.#expect('_');
    }
    const inner = this.#name();
    this.#discriminator();
    return { ...inner, text: `${outer}::${inner.text}` };
  }

  #discriminator(): void {
    if (!/^_(\d|_\d+_)/.test(this.#text.slice(this.#at))) return;
    this.#at++;
    if (this.#take('_')) {
      this.#number();
      this.#expect('_');
    } else this.#at++;
  }

  #unqualifiedName(): { text: string; hasNoReturn: boolean } {
    this.#take('L'); // internal linkage
    let text = '';
    let hasNoReturn = false;
    const letter = this.#peek();
    if (/\d/.test(letter)) {
      text = this.#sourceName();
      this.#lastName = text;
    } else if (letter === 'C' && /[1-5I]/.test(this.#peekAt(1))) {
      this.#at += 2;
      text = this.#lastName;
      hasNoReturn = true;
    } else if (letter === 'D' && /[0-5]/.test(this.#peekAt(1))) {
      this.#at += 2;
      text = `~${this.#lastName}`;
      hasNoReturn = true;
    } else if (this.#take('Ul')) {
      const parameters = this.#parameters();
      this.#expect('E');
      text = `{lambda(${parameters})#${this.#ordinal()}}`;
    } else if (this.#take('Ut')) {
      text = `{unnamed type#${this.#ordinal()}}`;
    } else if (this.#take('DC')) {
      const names: string[] = [];
      while (!this.#take('E')) names.push(this.#sourceName());
      text = `[${names.join(', ')}]`;
    } else if (this.#take('cv')) {
      text = `operator ${join(this.#type())}`;
      hasNoReturn = true;
    } else if (this.#take('li')) {
      text = `operator"" ${this.#sourceName()}`;
    } else {
      const operator = OPERATORS[this.#text.slice(this.#at, this.#at + 2)];
      if (operator === undefined) this.#fail();
      this.#at += 2;
      text = `operator${/^[a-z]/.test(operator!) ? ' ' : ''}${operator}`;
    }
    while (this.#take('B')) text += `[abi:${this.#sourceName()}]`;
    return { text, hasNoReturn };
  }

  /** `_` is the first, `0_` the second. */
  #ordinal(): number {
    if (this.#take('_')) return 1;
    const number = this.#number();
    this.#expect('_');
    return number + 2;
  }

  #sourceName(): string {
    const length = this.#number();
    const name = this.#text.slice(this.#at, this.#at + length);
    if (length === 0 || name.length < length) this.#fail();
    this.#at += length;
    return name.startsWith('_GLOBAL__N') ? '(anonymous namespace)' : name;
  }

  /** @param named true for arguments of a name, which `T_` in the function's type may refer to */
  #templateArguments(named: boolean): string {
    this.#expect('I');
    const lastName = this.#lastName;
    const list: (Halves | readonly Halves[])[] = [];
    while (!this.#take('E')) list.push(this.#take('J') ? this.#pack() : this.#templateArgument());
    if (named) this.#arguments = list;
    this.#lastName = lastName;
    const text = list
      .flatMap((argument) => (isPack(argument) ? argument : [argument]))
      .map(join)
      .filter((argument) => argument !== '')
      .join(', ');
    return `<${text}>`;
  }

  #templateArgument(): Halves {
    if (this.#take('L')) return [this.#literal(), ''];
    if (this.#peek() === 'X') this.#fail();
    return this.#type();
  }

  #pack(): Halves[] {
    const pack: Halves[] = [];
    while (!this.#take('E')) pack.push(this.#templateArgument());
    return pack;
  }

  /** A pattern once for each element of the packs in it: it is read as often. */
  #expansion(): Halves {
    const from = this.#at;
    const outer = [this.#packIndex, this.#packLength] as const;
    this.#packIndex = 0;
    this.#packLength = -1;
    const texts = [join(this.#type())];
    const length = this.#packLength;
    const known = this.#substitutions.length;
    for (this.#packIndex = 1; this.#packIndex < length; this.#packIndex++) {
      this.#at = from;
      texts.push(join(this.#type()));
      this.#substitutions.length = known;
    }
    [this.#packIndex, this.#packLength] = outer;
    return length === 0 ? ['', ''] : [texts.join(', '), ''];
  }

  #literal(): string {
    if (this.#take('_Z')) {
      const text = this.encoding();
      this.#expect('E');
      return text;
    }
    const type = join(this.#type());
    const end = this.#text.indexOf('E', this.#at);
    if (end < 0) this.#fail();
    const digits = this.#text.slice(this.#at, end).replace(/^n/, '-');
    this.#at = end + 1;
    if (type === 'bool') return digits === '0' ? 'false' : 'true';
    const suffixes: Readonly<Record<string, string>> = {
      int: '',
      'unsigned int': 'u',
      long: 'l',
      'unsigned long': 'ul',
      'long long': 'll',
      'unsigned long long': 'ull',
    };
    const suffix = suffixes[type];
    return suffix === undefined ? `(${type})${digits}` : digits + suffix;
  }

  #templateParameter(): Halves {
    this.#expect('T');
    const index = this.#peek() === '_' ? 0 : this.#number() + 1;
    this.#expect('_');
    const argument = this.#arguments[index] ?? this.#fail();
    if (!isPack(argument)) return argument;
    this.#packLength = argument.length;
    return argument[this.#packIndex] ?? ['', ''];
  }

  #substitution(): Halves {
    const standard = STANDARD[this.#text.slice(this.#at, this.#at + 2)];
    if (standard !== undefined) {
      this.#at += 2;
      this.#lastName = standard.slice(standard.lastIndexOf(':') + 1);
      if (standard === 'std::string') this.#lastName = 'basic_string';
      return [standard, ''];
    }
    this.#expect('S');
    const end = this.#text.indexOf('_', this.#at);
    const digits = this.#text.slice(this.#at, end);
    if (end < 0 || !/^[0-9A-Z]*$/.test(digits)) this.#fail();
    this.#at = end + 1;
    const found = this.#substitutions[digits === '' ? 0 : Number.parseInt(digits, 36) + 1] ?? this.#fail();
    this.#lastName = /([\w~]+)(<.*>)?$/.exec(found[0])?.[1] ?? this.#lastName;
    return found;
  }

  #type(): Halves {
    this.#step();
    const two = this.#text.slice(this.#at, this.#at + 2);
    const builtin = BUILTIN[this.#peek()] ?? BUILTIN[two];
    if (builtin !== undefined) {
      this.#at += BUILTIN[this.#peek()] === undefined ? 2 : 1;
      return [builtin, ''];
    }
    const letter = this.#peek();
    switch (letter) {
      case 'P':
        return this.#pointer('*');
      case 'R':
        return this.#pointer('&');
      case 'O':
        return this.#pointer('&&');
      case 'r':
      case 'V':
      case 'K': {
        const qualifiers = this.#cvQualifiers();
        const [before, after] = this.#type();
        return this.#remember([before + qualifiers, after]);
      }
      case 'F':
        return this.#remember(this.#functionType());
      case 'A': {
        this.#at++;
        const size = this.#peek() === '_' ? '' : String(this.#number());
        this.#expect('_');
        const [before, after] = this.#type();
        return this.#remember([before, ` [${size}]${after}`]);
      }
      case 'M': {
        this.#at++;
        const owner = join(this.#type());
        const [before, after] = this.#type();
        const isFunction = after.startsWith('(');
        return this.#remember(
          isFunction ? [`${before} (${owner}::*`, `)${after}`] : [`${before} ${owner}::*`, after],
        );
      }
      case 'T': {
        const parameter = this.#remember(this.#templateParameter());
        return this.#peek() === 'I' ? this.#withArguments(parameter) : parameter;
      }
      case 'S': {
        if (two === 'St') return this.#classType();
        const found = this.#substitution();
        return this.#peek() === 'I' ? this.#withArguments(found) : found;
      }
      case 'D':
        if (this.#take('Dp')) return this.#expansion();
        if (this.#take('Do')) return this.#type(); // noexcept
        return this.#fail();
      case 'u':
        this.#at++;
        return this.#remember([this.#sourceName(), '']);
      default:
        return this.#classType();
    }
  }

  #withArguments([before, after]: Halves): Halves {
    return this.#remember([before + this.#templateArguments(false), after]);
  }

  #classType(): Halves {
    const kept = this.#arguments;
    const lastName = this.#lastName;
    const { text } = this.#name();
    this.#arguments = kept;
    this.#lastName = lastName;
    return this.#remember([text, '']);
  }

  #pointer(sign: string): Halves {
    this.#at++;
    const [before, after] = this.#type();
    // Pointers to functions and arrays take the sign inside.
    if (/^(\(| \[)/.test(after)) return this.#remember([`${before} (${sign}`, `)${after}`]);
    if (sign !== '*' && /&&?$/.test(before)) {
      // A reference to a reference is one: && gives way to &.
      const collapsed = sign === '&' ? before.replace(/&+$/, '&') : before;
      return this.#remember([collapsed, after]);
    }
    return this.#remember([before + sign, after]);
  }

  #functionType(): Halves {
    this.#expect('F');
    this.#take('Y');
    const [before, after] = this.#type();
    const parameters = this.#parameters();
    this.#expect('E');
    return [before, `(${parameters})${after}`];
  }

  #cvQualifiers(): string {
    const isRestrict = this.#take('r');
    const isVolatile = this.#take('V');
    const isConst = this.#take('K');
    return `${isConst ? ' const' : ''}${isVolatile ? ' volatile' : ''}${isRestrict ? ' restrict' : ''}`;
  }

  #remember(halves: Halves): Halves {
    this.#substitutions.push(halves);
    return halves;
  }

  #number(): number {
    this.#take('n');
    const digits = /^\d+/.exec(this.#text.slice(this.#at, this.#at + 10))?.[0] ?? this.#fail();
    this.#at += digits.length;
    return Number(digits);
  }

  #peek(): string {
    return this.#text[this.#at] ?? '';
  }

  #peekAt(distance: number): string {
    return this.#text[this.#at + distance] ?? '';
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) this.#fail();
  }

  #step(): void {
    if (this.#steps++ > 5000) this.#fail();
  }

  #fail(): never {
    throw new SyntaxError('not a symbol');
  }
}

/** `operator<` and its template arguments are kept apart. */
function spaced(name: string): string {
  return name.endsWith('<') ? `${name} ` : name;
}

function isPack(argument: Halves | readonly Halves[]): argument is readonly Halves[] {
  return typeof argument[0] !== 'string';
}

function join([before, after]: Halves): string {
  return before + (after.startsWith('(') ? ` ${after}` : after);
}
