import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';

/** What a log line may hold: flat values only, so that no event, body or header slips in whole. */
export type Fields = Record<string, string | number | boolean | null | undefined>;

/** One unit of work while it is done: what is added here ends in its one log line. */
export interface Work {
  /** The id of the request or invocation, as answered in `X-Request-Id`. */
  readonly request: string;
  /** Says what was done, in the past tense: the message of the line, such as `events.published`. */
  did(what: string): void;
  /** Adds fields to the line: ids, decisions, durations. */
  note(fields: Fields): void;
  /** Adds to a count, which is in the line and is a CloudWatch metric. */
  count(what: string, by?: number): void;
}

/** How a unit of work ended: `refused` is the caller's fault, `failed` the mesh's. */
export type Outcome = 'done' | 'refused' | 'failed';

/** A unit of work with the way to end it. */
export interface OpenWork extends Work {
  /** Writes the log line and the metrics; `error` is told by name and stack only. */
  end(outcome: Outcome, error?: unknown): void;
}

/** Begins units of work for a function: one log line each, counts as metrics in the embedded format. */
export function workOf(name: string): (request: string) => OpenWork {
  const service = process.env['AWS_LAMBDA_FUNCTION_NAME'] ?? name;
  const logger = new Logger({ serviceName: service });
  const metrics = new Metrics({ namespace: 'Maille', serviceName: service });
  let cold = true;

  return (request) => {
    const began = performance.now();
    const fields: Fields = { request, ...(cold && { cold }) };
    const counts = new Map<string, number>();
    let message = `${name}.invoked`;
    cold = false;
    return {
      request,
      did: (what) => {
        message = what;
      },
      note: (more) => void Object.assign(fields, more),
      count: (what, by = 1) => void counts.set(what, (counts.get(what) ?? 0) + by),
      end(outcome, error) {
        const line = {
          ...fields,
          ...Object.fromEntries(counts),
          outcome,
          ms: Math.round((performance.now() - began) * 10) / 10,
          ...(error !== undefined && { error: errorText(error) }),
        };
        if (outcome === 'failed') logger.error(message, line);
        else logger.info(message, line);
        publish(metrics, counts);
      },
    };
  };
}

function publish(metrics: Metrics, counts: Map<string, number>): void {
  let any = false;
  for (const [what, value] of counts) {
    // A metric is paid for each hour in which it is written: what did not happen is not.
    if (value === 0) continue;
    metrics.addMetric(what, MetricUnit.Count, value);
    any = true;
  }
  if (any) metrics.publishStoredMetrics();
}

// Not the error itself: the logger would write its other properties too, and those of the AWS SDK hold items.
// A SyntaxError's message quotes the text that it could not read.
function errorText(error: unknown): string {
  if (!(error instanceof Error)) return 'a value that is no error was thrown';
  const stack = error.stack ?? `${error.name}: ${error.message}`;
  const told = error instanceof SyntaxError ? stack.replace(error.message, '(message left out)') : stack;
  return masked(error.cause instanceof Error ? `${told}\ncaused by ${errorText(error.cause)}` : told);
}

/** Why an error came, as a log may hold it: what could not be read as JSON is quoted by its message, and left out. */
export const reasonOf = (error: Error): string =>
  error instanceof SyntaxError ? 'what was read is not JSON' : masked(error.message);

/** A text with API keys and webhook secrets made unreadable. */
export const masked = (text: string): string =>
  text
    .replace(/maille_[a-z0-9-]+_[0-9A-Z]{26}_[\w-]+/g, 'maille_***')
    .replace(/whsec_[\w+/=-]+/g, 'whsec_***');
