/**
 * How `otrace run` learns why V8 ended the program: Node writes its diagnostic report to a file that the waiting
 * process reads. V8 then calls no JavaScript any more, so Node's own way is the only one; it costs nothing until then.
 *
 * The settings of such reports are the process' own. A program that has set any of them is left alone, and one that
 * asks for a report itself finds them as it knows them.
 */
import { dirname, join } from 'node:path';

/** Beside the file in which the program's process leaves its result. */
export const FATAL_REPORT = 'fatal.json';

/** @param resultFile see `RunOptions` */
export function leaveFatalReport(resultFile: string): void {
  const { report } = process;
  // Without that setting Node asks the name service for each open socket.
  if (report === undefined || !('excludeNetwork' in report)) return;
  const { reportOnFatalError, reportOnSignal, reportOnUncaughtException, directory, filename } = report;
  if (reportOnFatalError || reportOnSignal || reportOnUncaughtException || directory || filename) return;
  const { excludeNetwork, writeReport, getReport } = report;
  const ours = { directory: dirname(resultFile), filename: FATAL_REPORT, excludeNetwork: true };
  const theirs = { directory, filename, excludeNetwork };
  report.reportOnFatalError = true;
  Object.assign(report, ours);
  const asItKnowsThem = <Call extends (...args: never[]) => unknown>(call: Call): Call =>
    ((...args: Parameters<Call>) => {
      if (report.directory === ours.directory) Object.assign(report, theirs);
      try {
        return call.apply(report, args);
      } finally {
        if (report.directory === theirs.directory) Object.assign(report, ours);
      }
    }) as Call;
  report.writeReport = asItKnowsThem(writeReport);
  report.getReport = asItKnowsThem(getReport);
}

/** Where the report of this run is, if there is one. */
export function fatalReportFile(resultFile: string): string {
  return join(dirname(resultFile), FATAL_REPORT);
}
