/** What the programs of these tests print. */
export type { ReportRow } from '../../../src/heap/report.js';
export type { SurvivorGroup } from '../../../src/heap/retainers.js';
