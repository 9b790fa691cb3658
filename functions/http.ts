import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';
import { PROBLEMS, type Problem, problemToDocument } from '../schemas/problem.ts';

/** An HTTP request, as the functions see it on every engine. */
export interface HttpRequest {
  method: string;
  /** As sent: percent-encoded, without the query. */
  path: string;
  /** By lower-case name; repeated ones joined by a comma. */
  headers: Record<string, string | undefined>;
  /** Decoded; of repeated ones the last. */
  query: Record<string, string | undefined>;
  /** The bytes that were sent; undefined when there was no body. */
  body: Buffer | undefined;
}

/** An HTTP answer: `json` or `text`, or neither. */
export interface HttpAnswer {
  status: number;
  headers?: Record<string, string>;
  json?: unknown;
  /** With its own `content-type` header. */
  text?: string;
}

/** Reads a proxy event of API Gateway's REST API (payload format 1.0). */
export function toRequest(event: APIGatewayProxyEvent): HttpRequest {
  return {
    method: event.httpMethod,
    path: event.path,
    headers: headersOf(event),
    query: event.queryStringParameters ?? {},
    body: event.body ? Buffer.from(event.body, event.isBase64Encoded ? 'base64' : 'utf8') : undefined,
  };
}

function headersOf({ headers, multiValueHeaders }: APIGatewayProxyEvent): HttpRequest['headers'] {
  const found: HttpRequest['headers'] = {};
  // Engines differ in which of the two they fill; the one with repeated headers tells more.
  for (const name in headers) found[name.toLowerCase()] = headers[name];
  for (const name in multiValueHeaders) {
    const values = multiValueHeaders[name];
    if (values && values.length > 1) found[name.toLowerCase()] = values.join(', ');
    else if (values?.[0] !== undefined) found[name.toLowerCase()] ??= values[0];
  }
  return found;
}

/** Writes an answer as API Gateway wants it. Nothing that the mesh answers may be kept by a cache in between. */
export function toResult(answer: HttpAnswer, request: string): APIGatewayProxyResult {
  const body = answer.text ?? (answer.json === undefined ? '' : JSON.stringify(answer.json));
  return {
    statusCode: answer.status,
    headers: {
      ...(body !== '' && { 'content-type': 'application/json' }),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...answer.headers,
      'x-request-id': request,
    },
    body,
    isBase64Encoded: false,
  };
}

/** The answer that tells a problem: RFC 9457, with `Retry-After` where waiting helps. */
export function problemAnswer(problem: Problem): HttpAnswer {
  return {
    status: PROBLEMS[problem.kind].status,
    headers: {
      'content-type': 'application/problem+json',
      ...(problem.retryAfter !== undefined && { 'retry-after': String(Math.ceil(problem.retryAfter)) }),
      ...(problem.kind === 'unauthenticated' && { 'www-authenticate': 'Bearer' }),
    },
    json: problemToDocument(problem),
  };
}
