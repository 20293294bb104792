#!/usr/bin/env node
/**
 * `otrace` as it is started: loads the bundle of the command line (`cli.ts`, built as `verbs.js`); for `run`, which a
 * program waits for, from the bytecode of an earlier run.
 */
import { join } from 'node:path';
import { runCompiled } from '../node/compiled-bundle.js';
import { bytecodeFolder } from './bytecode-folder.js';

/** Put in by the build: the digest of `verbs.js`. */
declare const OTRACE_VERBS_DIGEST: string;

const folder = process.argv[2] === 'run' ? bytecodeFolder() : undefined;
if (folder === undefined) require('./verbs.js');
else runCompiled(join(__dirname, 'verbs.js'), OTRACE_VERBS_DIGEST, folder);
