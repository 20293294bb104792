// vscode-oniguruma: tokens of many lines, scanners and strings disposed of.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import oniguruma from 'vscode-oniguruma';

const wasm = readFileSync(createRequire(import.meta.url).resolve('vscode-oniguruma/release/onig.wasm'));
await oniguruma.loadWASM(new Uint8Array(wasm).buffer);
const scanner = oniguruma.createOnigScanner([
  '\\bfunction\\b',
  '[a-z]+(?=\\()',
  '(\\d+)(px)?',
  '"(?:[^"\\\\]|\\\\.)*"',
]);
const found = [];
for (let i = 0; i < 300; i++) {
  const line = oniguruma.createOnigString(
    `function f${i}(a) { return call(${i}px, "text ${'é'.repeat(i % 20)}"); }`,
  );
  let at = 0;
  for (;;) {
    const match = scanner.findNextMatchSync(line, at);
    if (match === null) break;
    found.push([match.index, match.captureIndices.map(({ start, end }) => `${start}-${end}`).join()]);
    at = Math.max(at + 1, match.captureIndices[0].end);
  }
  line.dispose();
}
scanner.dispose();
console.log(JSON.stringify(found));
