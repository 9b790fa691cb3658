import { parseJson, sayPosition } from '../events/json.ts';
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
    throw new ProblemError(
      'media-type',
      `The body must be application/json, not ${type === '' ? 'untyped' : type}`,
    );
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
  const parsed = parseJson(text);
  if ('value' in parsed) return parsed.value;
  throw new ProblemError('not-parseable', `The body is not JSON: ${sayPosition(parsed.at)}`);
}
