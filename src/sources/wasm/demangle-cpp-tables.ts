/** The fixed codes of the Itanium C++ ABI: types, abbreviations of std, operators, special names. */

export const BUILTIN: Readonly<Record<string, string>> = {
  v: 'void',
  w: 'wchar_t',
  b: 'bool',
  c: 'char',
  a: 'signed char',
  h: 'unsigned char',
  s: 'short',
  t: 'unsigned short',
  i: 'int',
  j: 'unsigned int',
  l: 'long',
  m: 'unsigned long',
  x: 'long long',
  y: 'unsigned long long',
  n: '__int128',
  o: 'unsigned __int128',
  f: 'float',
  d: 'double',
  e: 'long double',
  g: '__float128',
  z: '...',
  Dd: 'decimal64',
  De: 'decimal128',
  Df: 'decimal32',
  Dh: 'half',
  Di: 'char32_t',
  Ds: 'char16_t',
  Du: 'char8_t',
  Da: 'auto',
  Dc: 'decltype(auto)',
  Dn: 'decltype(nullptr)',
};

export const STANDARD: Readonly<Record<string, string>> = {
  St: 'std',
  Sa: 'std::allocator',
  Sb: 'std::basic_string',
  Ss: 'std::string',
  Si: 'std::istream',
  So: 'std::ostream',
  Sd: 'std::iostream',
};

export const OPERATORS: Readonly<Record<string, string>> = Object.fromEntries(
  (
    'nw new|na new[]|dl delete|da delete[]|ps +|ng -|ad &|de *|co ~|pl +|mi -|ml *|dv /|rm %|an &|or ||eo ^|aS =|' +
    'pL +=|mI -=|mL *=|dV /=|rM %=|aN &=|oR |=|eO ^=|ls <<|rs >>|lS <<=|rS >>=|eq ==|ne !=|lt <|gt >|le <=|ge >=|' +
    'ss <=>|nt !|aa &&|oo |||pp ++|mm --|cm ,|pm ->*|pt ->|cl ()|ix []|qu ?|aw co_await'
  )
    .split(/\|(?=[a-z][a-zA-Z] )/)
    .map((entry) => [entry.slice(0, 2), entry.slice(3)]),
);

export const SPECIAL: Readonly<Record<string, string>> = {
  TV: 'vtable for ',
  TT: 'VTT for ',
  TI: 'typeinfo for ',
  TS: 'typeinfo name for ',
  GV: 'guard variable for ',
  TW: 'thread-local wrapper routine for ',
  TH: 'thread-local initialization routine for ',
};
