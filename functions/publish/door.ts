import { readRequest } from '../../events/http-binding.ts';
import { batchResult, type PublishOutcome } from '../../domain/publish/outcome.ts';
import { type Problem, ProblemError, problemToDocument } from '../../schemas/problem.ts';
import { type HttpAnswer, type HttpRequest, problemAnswer } from '../http.ts';

/** The most events and bytes of one batch (api.md, Publishing). */
export const BATCH_LIMITS = { events: 500, bytes: 4_000_000 };

/** The events of a `POST /v1/events`, in any of the three CloudEvents modes; throws the problem that it has. */
export function candidatesOf({ headers, body = Buffer.alloc(0) }: HttpRequest): {
  batch: boolean;
  events: unknown[];
} {
  if (body.length > BATCH_LIMITS.bytes) {
    throw new ProblemError(
      'too-large',
      `The request has ${body.length} bytes; at most ${BATCH_LIMITS.bytes} are taken. Split the batch`,
    );
  }
  const request = readRequest({ headers, body });
  if ('problem' in request)
    throw new ProblemError(request.problem.kind, request.problem.detail, request.problem);
  if (request.mode === 'single') return { batch: false, events: [request.event] };
  if (request.events.length > BATCH_LIMITS.events) {
    throw new ProblemError(
      'too-large',
      `The batch has ${request.events.length} events; at most ${BATCH_LIMITS.events} are taken. Split it`,
    );
  }
  return { batch: true, events: request.events };
}

/** The answer to one event: 202 with its digest, or the problem that it has. */
export function singleAnswer(outcome: PublishOutcome | undefined): HttpAnswer {
  if (!outcome) throw new Error('one event has one outcome');
  return 'problem' in outcome ? problemAnswer(outcome.problem) : { status: 202, json: outcome };
}

/** The answer to a batch: 202 where any event was taken, 422 where all were refused, 503 where all failed. */
export function batchAnswer(outcomes: PublishOutcome[]): HttpAnswer {
  const result = batchResult(outcomes);
  const json = {
    ...result,
    results: result.results.map(({ problem, ...rest }) => ({ ...rest, ...documentOf(problem) })),
  };
  if (outcomes.length > 0 && result.rejected === outcomes.length) return { status: 422, json };
  if (outcomes.length > 0 && result.failed === outcomes.length)
    return { status: 503, headers: { 'retry-after': '1' }, json };
  return { status: 202, json };
}

const documentOf = (problem: Problem | undefined) => problem && { problem: problemToDocument(problem) };
