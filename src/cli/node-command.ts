/**
 * From what stands after `--` to the command that starts the program with the hooks preloaded: which Node, which
 * flags, and how TypeScript gets to run. Nothing is started here.
 */
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { OtraceError } from '../errors.js';

export interface NodeCommand {
  readonly node: string;
  readonly args: readonly string[];
  /** What the program is called in messages. */
  readonly shown: string;
}

const NODE_NAME = /^node(?:js)?(?:[.-]?\d+)*(?:\.exe)?$/;
const TYPESCRIPT = new Set(['.ts', '.mts', '.cts', '.tsx']);

/**
 * @param words what stands after `--`: a script and its arguments, or Node, its flags, a script ...
 * @param preload path of the hooks
 * @param flags Node flags of our own
 * @throws OtraceError `OTRACE_PROGRAM` when there is no such program, or this Node can't run it
 */
export function nodeCommand(
  words: readonly string[],
  preload: string,
  flags: readonly string[],
): NodeCommand {
  const [first, ...rest] = words;
  if (first === undefined) {
    throw new OtraceError(
      'OTRACE_PROGRAM',
      'no program is given; write it after --, as in: otrace run -- app.js',
    );
  }
  const ours = [...flags, '--require', preload];
  if (isNode(first)) return { node: first, args: [...ours, ...rest], shown: scriptAmong(rest) };
  const script = findScript(first);
  const loader = TYPESCRIPT.has(extname(script)) ? typescriptFlags(script) : [];
  return { node: process.execPath, args: [...ours, ...loader, first, ...rest], shown: first };
}

/** `node`, or the path of a Node binary. */
function isNode(word: string): boolean {
  return NODE_NAME.test(basename(word)) && (word === basename(word) || isFile(word)) && !isScriptHere(word);
}

/** A file named `node` without a path, next to us, is still meant to be Node: nobody calls a script that. */
function isScriptHere(word: string): boolean {
  return extname(word) === '.js' && isFile(word);
}

function scriptAmong(words: readonly string[]): string {
  return words[flagsAmong(words).length] ?? 'node';
}

/** Node's own flags, with their values, in front of the script. */
export function flagsAmong(words: readonly string[]): readonly string[] {
  const script = words.findIndex(
    (word, i) => !word.startsWith('-') && !FLAGS_WITH_VALUE.test(words[i - 1] ?? ''),
  );
  return script < 0 ? words : words.slice(0, script);
}

const FLAGS_WITH_VALUE =
  /^(-r|-C|--(require|import|loader|experimental-loader|conditions|env-file|title|input-type))$/;

/** The file that Node would run for this word: Node adds no suffix to what exists, and may add `.js` to what does not. */
function findScript(word: string): string {
  const path = resolve(word);
  for (const candidate of [path, `${path}.js`, join(path, 'index.js')])
    if (isFile(candidate)) return candidate;
  if (existsSync(path) && isPackage(path)) return path;
  const hint =
    word.includes('/') || extname(word) !== ''
      ? 'check the path'
      : `otrace runs Node programs; for a command of a package write its script, as in: otrace run -- node_modules/.bin/${word}`;
  throw new OtraceError('OTRACE_PROGRAM', `there is no program ${word}; ${hint}`);
}

function isPackage(path: string): boolean {
  return isFile(join(path, 'package.json'));
}

/** What lets this Node run TypeScript: nothing where it strips types itself, else `tsx` from the user's project. */
function typescriptFlags(script: string): readonly string[] {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const strips = major >= 24 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18);
  const tsx = findTsx(script);
  if (tsx !== undefined) return ['--import', tsx];
  if (strips && extname(script) !== '.tsx') return [];
  throw new OtraceError(
    'OTRACE_PROGRAM',
    `Node ${process.versions.node} can't run ${basename(script)} by itself; install tsx beside it (npm install --save-dev tsx), or run the JavaScript that it compiles to`,
  );
}

/** The loader of the `tsx` that the script's folder or the working folder would find. */
function findTsx(script: string): string | undefined {
  for (const folder of [dirname(script), process.cwd()]) {
    try {
      const manifest = createRequire(join(folder, 'otrace.js')).resolve('tsx/package.json');
      return pathToFileURL(join(dirname(manifest), 'dist', 'loader.mjs')).href;
    } catch {
      // Not installed there.
    }
  }
  return undefined;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
