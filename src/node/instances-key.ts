/**
 * Where the process' recorder and heap tracer are found by all loaded copies of the package. The number is that of the
 * shape of `Instances`: copies that differ in it do not share.
 */
export const INSTANCES = Symbol.for('otrace.instances/1');
