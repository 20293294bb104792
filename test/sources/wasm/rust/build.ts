/**
 * Builds `heap.rs` with the Rust compiler that is installed; Debian's packages are `rustc`, `libstd-rust-dev-wasm32` and
 * `lld`. What was built is kept in the folder for temporary files, for the next run.
 */
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const TARGET = 'wasm32-unknown-unknown';
const SOURCE = fileURLToPath(new URL('heap.rs', import.meta.url));
const LINKERS = ['wasm-ld', 'wasm-ld-14', 'rust-lld'];

export interface Compiler {
  /** Absent, or why nothing can be built here. */
  readonly missing: string | undefined;
  build(name: string, flags: readonly string[]): Promise<Uint8Array<ArrayBuffer>>;
}

export function rustCompiler(): Compiler {
  // Another one in front of Debian's may lack the target.
  const rustc = ['rustc', '/usr/bin/rustc'].find((command) => {
    const { status, stdout } = spawnSync(command, ['--target', TARGET, '--print', 'target-libdir'], {
      encoding: 'utf8',
    });
    return status === 0 && existsSync(stdout.trim());
  });
  const linker = LINKERS.find((command) => spawnSync(command, ['--version']).status === 0);
  const missing =
    rustc === undefined
      ? `no rustc that builds for ${TARGET} is installed (Debian: rustc libstd-rust-dev-wasm32)`
      : linker === undefined
        ? 'wasm-ld is not installed (Debian: lld)'
        : undefined;
  return {
    missing,
    async build(name, flags) {
      const version = spawnSync(rustc!, ['-vV'], { encoding: 'utf8' }).stdout;
      const hash = createHash('sha256').update(version).update(readFileSync(SOURCE)).update(flags.join(' '));
      const folder = join(tmpdir(), `otrace-rust-${hash.digest('hex').slice(0, 16)}`);
      const built = join(folder, `${name}.wasm`);
      if (!existsSync(built)) {
        mkdirSync(folder, { recursive: true });
        const made = `${built}.${process.pid}`;
        const common = [
          '--edition',
          '2021',
          '--target',
          TARGET,
          '--crate-type',
          'cdylib',
          '-C',
          `linker=${linker}`,
        ];
        await promisify(execFile)(rustc!, [...common, ...flags, '-o', made, SOURCE]);
        renameSync(made, built);
      }
      return new Uint8Array(readFileSync(built));
    },
  };
}
