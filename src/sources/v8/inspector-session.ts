/** A session with the process' own inspector, which answers before it returns; and why there may be none. */
import { createRequire } from 'node:module';

export interface Session {
  connect(): void;
  disconnect(): void;
  post(method: string, params: object, done: (error: Error | null, result: unknown) => void): void;
}

/** @returns a connected session, or the reason with its remedy */
export function openSession(): Session | string {
  try {
    const inspector = createRequire(import.meta.url)('node:inspector') as { Session: new () => Session };
    const session = new inspector.Session();
    session.connect();
    return session;
  } catch (error) {
    return refusal(error);
  }
}

export function post(session: Session, method: string, params: object): { result?: unknown; error?: Error } {
  const answer: { result?: unknown; error?: Error } = {};
  session.post(method, params, (error, result) => {
    if (error === null) answer.result = result;
    else answer.error = error;
  });
  return answer;
}

function refusal(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ERR_ACCESS_DENIED') {
    return "Node's permission model denies the inspector; add --allow-inspector (Node 24 or newer) to see JavaScript stacks";
  }
  if (code === 'ERR_INSPECTOR_NOT_AVAILABLE' || code === 'ERR_UNKNOWN_BUILTIN_MODULE') {
    return 'this Node was built without the inspector; use an ordinary build to see JavaScript stacks';
  }
  return `the inspector is not available (${String(error)}); JavaScript stacks are off`;
}
