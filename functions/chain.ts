import middy, { type Request } from '@middy/core';
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import { PROBLEMS, type Problem, ProblemError } from '../schemas/problem.ts';
import { isUnavailable } from '../adapters/unavailable.ts';
import { type HttpAnswer, type HttpRequest, problemAnswer, toRequest, toResult } from './http.ts';
import { type OpenWork, type Work, workOf } from './work.ts';

/** Ends an invocation before Lambda kills it, so that its log line is still written and its caller answered. */
const EARLY_MS = 300;

/** Does one unit of work for an HTTP request. */
export type HttpHandler = (request: HttpRequest, work: Work) => Promise<HttpAnswer>;
/** Does one unit of work for any other event. */
export type EventHandler<Event, Result> = (event: Event, work: Work) => Promise<Result>;
/** What Lambda calls. */
export type LambdaFunction<Event, Result> = (event: Event, context: Context) => Promise<Result>;

/**
 * A Lambda behind API Gateway. `wire` builds the handler with its dependencies, once, on the first invocation.
 * A `ProblemError` becomes its answer; AWS that did not answer a 503; anything else that is thrown is a 500 that says
 * nothing but the request id.
 */
export function httpFunction(
  name: string,
  wire: () => HttpHandler | Promise<HttpHandler>,
): LambdaFunction<APIGatewayProxyEvent, APIGatewayProxyResult> {
  const wired = once(wire);
  return middy<APIGatewayProxyEvent, APIGatewayProxyResult>({
    timeoutEarlyInMillis: EARLY_MS,
    timeoutEarlyResponse: () => {
      throw new ProblemError('unavailable', 'This took too long; part of it may have been done', {
        retryAfter: 1,
      });
    },
  })
    .use(
      observed<APIGatewayProxyEvent, APIGatewayProxyResult>(
        name,
        (event) => event.requestContext?.requestId,
        answered,
      ),
    )
    .handler(async (event, context) => {
      const work = workIn(context);
      const answer = await (await wired())(toRequest(event), work);
      work.note({ status: answer.status });
      return toResult(answer, work.request);
    }) as LambdaFunction<APIGatewayProxyEvent, APIGatewayProxyResult>; // middy's type also allows callbacks
}

/** A Lambda behind a stream, a queue, a bus or a timer. What is thrown is logged and thrown again. */
export function eventFunction<Event, Result>(
  name: string,
  wire: () => EventHandler<Event, Result> | Promise<EventHandler<Event, Result>>,
): LambdaFunction<Event, Result> {
  const wired = once(wire);
  return middy<Event, Result>({ timeoutEarlyInMillis: EARLY_MS })
    .use(observed<Event, Result>(name, () => undefined))
    .handler(async (event: Event, context: Context) =>
      (await wired())(event, workIn(context)),
    ) as LambdaFunction<Event, Result>; // middy's type also allows callbacks
}

// Kept beside the context, which Lambda makes anew for each invocation.
const working = new WeakMap<Context, OpenWork>();

function workIn(context: Context): OpenWork {
  const work = working.get(context);
  if (!work) throw new Error('the chain has not begun this unit of work');
  return work;
}

/** The one middleware: a unit of work per invocation, ended with its line; `told` turns an error into an answer. */
function observed<Event, Result>(
  name: string,
  requestId: (event: Event) => string | undefined,
  told?: (problem: Problem, request: string) => Result,
) {
  const begin = workOf(name);
  return {
    before: ({ event, context }: Request<Event, Result>) => {
      working.set(context, begin(requestId(event) ?? context.awsRequestId));
    },
    after: ({ context }: Request<Event, Result>) => workIn(context).end('done'),
    onError: (request: Request<Event, Result>) => {
      const work = workIn(request.context);
      const problem = problemOf(request.error, work.request);
      const { status } = PROBLEMS[problem.kind];
      work.note({ status, problem: problem.kind });
      if (status < 500) work.end('refused');
      else work.end('failed', request.error);
      if (told) request.response = told(problem, work.request);
    },
  };
}

const answered = (problem: Problem, request: string): APIGatewayProxyResult =>
  toResult(problemAnswer(problem), request);

/** How long to wait, in seconds, before asking again for what AWS did not answer. */
const RETRY_AFTER = 2;

function problemOf(error: unknown, request: string): Problem {
  if (error instanceof ProblemError) return error.problem;
  const tell = `Tell us the request id if it lasts: ${request}`;
  return isUnavailable(error)
    ? {
        kind: 'unavailable',
        detail: `What the mesh stands on did not answer; try again in a moment. ${tell}`,
        retryAfter: RETRY_AFTER,
      }
    : {
        kind: 'internal',
        detail: `Something went wrong here, not with you. Tell us the request id: ${request}`,
      };
}

/** Calls `make` once; when it failed, again the next time. */
function once<Value>(make: () => Value | Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => {
    made ??= Promise.resolve()
      .then(make)
      .catch((error: unknown) => {
        made = undefined;
        throw error;
      });
    return made;
  };
}
