import { ProblemError } from '../schemas/problem.ts';
import type { HttpRequest } from './http.ts';

/** The most bytes of a body that is no event. */
const MAX_BYTES = 4 * 1024 * 1024;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

/** The parsed JSON body; undefined when there is none. Throws the problem of one that cannot be read. */
export function jsonBody({ body, headers }: Pick<HttpRequest, 'body' | 'headers'>): unknown {
  if (!body || body.length === 0) return undefined;
  const type = headers['content-type'] ?? '';
  if (!JSON_TYPE.test(type)) {
    throw new ProblemError('media-type', `The body must be application/json, not ${type === '' ? 'untyped' : type}`);
  }
  if (body.length > MAX_BYTES) {
    throw new ProblemError('too-large', `The body has ${body.length} bytes; at most ${MAX_BYTES} are taken`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new ProblemError('not-parseable', 'The body is not UTF-8');
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new ProblemError('not-parseable', `The body is not JSON: ${whereOf(error, text)}`);
  }
}

// Only where: the rest of the engine's message quotes what was sent.
function whereOf(error: unknown, text: string): string {
  const position = error instanceof Error ? /at position (\d+)/.exec(error.message)?.[1] : undefined;
  if (position === undefined) return `it ends too early, after ${text.length} characters`;
  const before = text.slice(0, Number(position)).split('\n');
  return `error at position ${position} (line ${before.length}, column ${(before.at(-1) ?? '').length + 1})`;
}
