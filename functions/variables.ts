import * as z from 'zod/mini';
import type { Territory } from '../schemas/territory.ts';

/**
 * The whole territory, given to each function as JSON, so that none has a configuration of its own. It was validated
 * when the stack was synthesised, which wrote what came out of that: a cold start does not do it again.
 */
export const territoryVariable = z.pipe(
  z.string(),
  z.transform((text: string, context): Territory => {
    try {
      return JSON.parse(text) as Territory;
    } catch {
      context.issues.push({ code: 'custom', message: 'is not JSON', input: text });
      return z.NEVER;
    }
  }),
);

/** A name or an ARN. */
export const nameVariable = z.string().check(z.minLength(1));

/** Where the mesh answers, as others reach it; `{endpoint}` is where AWS answers, which a local engine alone tells. */
export const publicUrlVariable = z.pipe(
  nameVariable,
  z.transform((text: string) => text.replace('{endpoint}', process.env['AWS_ENDPOINT_URL'] ?? '')),
);

/**
 * An address of AWS; on a local engine the same path there. Its host is not looked at: what an engine says of itself
 * (`s3.us-east-1.127.0.0.1`) need not be a host name.
 */
export const engineVariable = z.pipe(
  nameVariable,
  z.transform((text: string) => {
    const engine = process.env['AWS_ENDPOINT_URL'];
    return engine === undefined ? text : text.replace(/^https?:\/\/[^/]*/, engine.replace(/\/$/, ''));
  }),
);

/** Names separated by commas; at least one. */
export const namesVariable = z.pipe(
  nameVariable,
  z.transform((text: string) => text.split(',')),
);
