/**
 * What a trace file must never contain, checked on the parsed value and on the raw bytes. Each rule stands for
 * something that Perfetto's importer was seen to drop, misread or hang on.
 */
import assert from 'node:assert/strict';
import type { TraceDocument, TraceEvent } from '../recorder/rig.js';

const PHASES = new Set(['X', 'I', 'B', 'E', 'C', 's', 't', 'f', 'M']);
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LINE_FEED = 0x0a;
const TWO_63 = 2n ** 63n;

/** Checks a whole file. @returns what it parses to */
export function assertPerfettoReads(bytes: Uint8Array): TraceDocument {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  assert.equal(text[0], '{', 'no byte-order mark, an object');
  checkTokens(text);
  const document = JSON.parse(text) as TraceDocument;
  for (const event of document.traceEvents) checkEvent(event);
  return document;
}

/** Strings and numbers as they stand in the file, which `JSON.parse` does not show. */
function checkTokens(text: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  assert.ok(!/[\u0000-\u0009\u000b-\u001f]/.test(text), 'no control character');
  assert.ok(!/[\ud800-\udbff](?![\udc00-\udfff])/.test(text), 'no lone surrogate');
  for (let i = 0; i < text.length; ) {
    const start = i;
    if (text[i] === '"') {
      for (i++; text.charCodeAt(i) !== QUOTE; i++) {
        if (text.charCodeAt(i) === LINE_FEED) assert.fail(`a line break inside ${text.slice(start, i)}`);
        if (text.charCodeAt(i) !== BACKSLASH) continue;
        const escaped = text.slice(i, i + 6);
        if (/^\\u(?:d[89a-f]..|0000)$/i.test(escaped)) assert.fail(`${escaped} is escaped`);
        i++;
      }
      i++;
    } else if (/[-\d]/.test(text[i]!)) {
      while (/[-+.eE\d]/.test(text[i]!)) i++;
      const token = text.slice(start, i);
      if (!/^-?\d+$/.test(token)) continue;
      const value = BigInt(token);
      assert.ok(value < TWO_63 && value >= -TWO_63, `${token} is past 63 bits`);
    } else {
      i++;
    }
  }
}

function checkEvent(event: TraceEvent): void {
  const shown = JSON.stringify(event).slice(0, 300);
  assert.equal(typeof event.name, 'string', shown);
  assert.ok(PHASES.has(event.ph), shown);
  assert.ok(Number.isFinite(event.ts) && event.ts >= 0, shown);
  assert.ok(Number.isSafeInteger(event.pid) && Number.isSafeInteger(event.tid), shown);
  if (event.ph === 'X') assert.ok(Number.isFinite(event.dur) && event.dur! >= 0, shown);
  if (event.ph === 'I') assert.equal(event.s, 't', shown);
  if ('stf'.includes(event.ph)) assert.ok(Number.isSafeInteger(event.id) && event.id! >= 0, shown);
  if (event.ph === 'C') {
    assert.ok(event.args !== undefined && Object.keys(event.args).length > 0, shown);
    for (const value of Object.values(event.args)) assert.ok(Number.isFinite(value), shown);
  }
  if (event.args !== undefined) {
    assert.equal(Object.prototype.toString.call(event.args), '[object Object]', shown);
    checkValue(event.args, shown);
  }
}

/** No null, no empty object or list, at any depth. */
function checkValue(value: unknown, shown: string): void {
  if (typeof value !== 'object') return;
  assert.ok(value !== null, `null in ${shown}`);
  const inside = Object.values(value);
  assert.ok(inside.length > 0, `an empty container in ${shown}`);
  for (const item of inside) checkValue(item, shown);
}
