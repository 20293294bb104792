/**
 * What an event is; the numbers are stored, so they never change meaning. Each a constant of its own and not one object
 * of them, since the bundler puts only those in place: import it as `* as EventKind`.
 */
export const complete = 1;
export const instant = 2;
export const begin = 3;
export const end = 4;
export const counter = 5;
export const flowStart = 6;
export const flowStep = 7;
export const flowEnd = 8;

export type Any =
  | typeof complete
  | typeof instant
  | typeof begin
  | typeof end
  | typeof counter
  | typeof flowStart
  | typeof flowStep
  | typeof flowEnd;
