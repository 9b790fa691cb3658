import type * as z from 'zod';

/** One thing that is wrong, and where: `path` is a JSON Pointer (RFC 6901) into what was sent. */
export interface Fault {
  path: string;
  message: string;
}

/** What went wrong, by name: the anchor of its `type` URL, its `title` and its `status`. */
export const PROBLEMS = {
  'not-parseable': { status: 400, title: 'The request cannot be read' },
  unauthenticated: { status: 401, title: 'No valid credentials' },
  forbidden: { status: 403, title: 'Not allowed' },
  'not-found': { status: 404, title: 'Not found' },
  'not-allowed-method': { status: 405, title: 'No such method here' },
  conflict: { status: 409, title: 'In conflict with the present state' },
  'too-large': { status: 413, title: 'Too large' },
  'media-type': { status: 415, title: 'Media type not supported' },
  'not-valid': { status: 422, title: 'Understood, but not valid' },
  'precondition-failed': { status: 412, title: 'Changed since it was read' },
  'precondition-required': { status: 428, title: 'If-Match is required' },
  'too-many': { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'A fault of the mesh' },
  unavailable: { status: 503, title: 'Not available right now' },
} as const;

/** The name of a problem. */
export type ProblemKind = keyof typeof PROBLEMS;

/** An RFC 9457 problem, before the transport adds its `type` URL. */
export interface Problem {
  kind: ProblemKind;
  detail: string;
  errors?: Fault[];
  /** Seconds to wait before trying again, where that helps. */
  retryAfter?: number;
  /** Members of the document beyond those of RFC 9457 (section 3.2). */
  more?: Record<string, unknown>;
}

/** RFC 9457 problem details, as answered. */
export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail: string;
  errors?: Fault[] | undefined;
}

/** Where the problems are described (docs/problems.md), the name of the problem being the anchor; a name that never resolves until the project has a home. */
export const PROBLEM_PAGE = 'https://maille.example/docs/problems';

/** The RFC 9457 document of a problem. */
export function problemToDocument(problem: Problem): ProblemDocument {
  const { status, title } = PROBLEMS[problem.kind];
  return {
    type: `${PROBLEM_PAGE}#${problem.kind}`,
    title,
    status,
    detail: problem.detail,
    ...(problem.errors && { errors: problem.errors }),
    ...problem.more,
  };
}

/** A problem thrown, for the places from which an answer cannot be returned; the middy chain turns it into one. */
export class ProblemError extends Error {
  readonly problem: Problem;
  constructor(kind: ProblemKind, detail: string, more: Pick<Problem, 'errors' | 'retryAfter' | 'more'> = {}) {
    super(detail);
    this.name = 'ProblemError';
    this.problem = { kind, detail, ...more };
  }
}

/** The faults of a zod error, each with its JSON Pointer below `base`. */
export function faultsOf(error: z.ZodError, base = ''): Fault[] {
  return error.issues.flatMap((issue) => {
    const path = base + issue.path.map((part) => `/${pointerToken(String(part))}`).join('');
    if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
    return issue.keys.map((key) => ({ path: `${path}/${pointerToken(key)}`, message: 'is not known here' }));
  });
}

/** One reference token of a JSON Pointer, escaped by RFC 6901 section 3. */
export const pointerToken = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

/** Checks a request against its schema; throws a `not-valid` problem that lists every fault. */
export function parseOrProblem<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  what: string,
): z.output<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const errors = faultsOf(result.error);
  throw new ProblemError(
    'not-valid',
    `${what} is not valid: ${errors.length} error${errors.length > 1 ? 's' : ''}`,
    { errors },
  );
}
