/** The numbers by which the binary format of WebAssembly names sections, what is imported and exported, and value types. */

/** Section ids. */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

/** What is imported, exported and counted. */
export const KIND = { function: 0, table: 1, memory: 2, global: 3, tag: 4 } as const;

/** The value types that otrace writes; any other may occur in a signature. */
export const I32 = 0x7f;
export const I64 = 0x7e;
export const F64 = 0x7c;
