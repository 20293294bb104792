// Loads demo.wasm and leaks in it. Run it under otrace:  otrace run --heap wasm -- examples/wasm-demo/run.mjs
import { readFile } from 'node:fs/promises';

const bytes = await readFile(new URL('./demo.wasm', import.meta.url));
const nothing = () => 0;
const wasi = new Proxy({}, { get: () => nothing, has: () => true });
const { instance } = await WebAssembly.instantiate(bytes, { wasi_snapshot_preview1: wasi });
instance.exports._initialize?.();

function keepBlocks() {
  instance.exports.keep(120, 16 * 1024);
}

function loseBlocks() {
  instance.exports.lose();
}

keepBlocks();
loseBlocks();
console.log('kept 120 blocks, lost 2');
