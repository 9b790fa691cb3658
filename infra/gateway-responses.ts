import { ResponseType, type RestApi } from 'aws-cdk-lib/aws-apigateway';
import { type Problem, PROBLEMS, problemToDocument } from '../schemas/problem.ts';

/** What the gateway says of a request itself, by the problem that it is, since it knows no other way to say it. */
interface OwnAnswer extends Pick<Problem, 'kind' | 'retryAfter'> {
  type: ResponseType;
  /** Without one, what the gateway says of it. */
  detail?: string;
}

const REFUSED = 'The gateway before the mesh refused this request';
const LATE = 'This took too long; part of it may have been done';

/**
 * Each with a status of its own, so that the document can name it: a template is told what happened, not by which
 * status. The first two are for what has no line here.
 */
const OWN_ANSWERS: readonly OwnAnswer[] = [
  { type: ResponseType.DEFAULT_4XX, kind: 'not-parseable' },
  { type: ResponseType.DEFAULT_5XX, kind: 'internal', detail: 'Something went wrong here, not with you' },
  { type: ResponseType.THROTTLED, kind: 'too-many', detail: 'More comes than the mesh takes', retryAfter: 1 },
  { type: ResponseType.QUOTA_EXCEEDED, kind: 'too-many', detail: 'The quota is used up', retryAfter: 3600 },
  { type: ResponseType.REQUEST_TOO_LARGE, kind: 'too-large', detail: 'More than the gateway passes on' },
  { type: ResponseType.UNSUPPORTED_MEDIA_TYPE, kind: 'media-type', detail: 'Nothing here takes this' },
  { type: ResponseType.RESOURCE_NOT_FOUND, kind: 'not-found', detail: 'There is nothing here' },
  // So the gateway calls a path that it does not know.
  { type: ResponseType.MISSING_AUTHENTICATION_TOKEN, kind: 'not-found', detail: 'There is nothing here' },
  { type: ResponseType.INTEGRATION_TIMEOUT, kind: 'unavailable', detail: LATE, retryAfter: 1 },
  { type: ResponseType.INTEGRATION_FAILURE, kind: 'unavailable', detail: LATE, retryAfter: 1 },
  { type: ResponseType.UNAUTHORIZED, kind: 'unauthenticated', detail: REFUSED },
  { type: ResponseType.ACCESS_DENIED, kind: 'forbidden', detail: REFUSED },
  { type: ResponseType.EXPIRED_TOKEN, kind: 'forbidden', detail: REFUSED },
  { type: ResponseType.INVALID_API_KEY, kind: 'forbidden', detail: REFUSED },
  { type: ResponseType.INVALID_SIGNATURE, kind: 'forbidden', detail: REFUSED },
  { type: ResponseType.WAF_FILTERED, kind: 'forbidden', detail: REFUSED },
];

/** What the gateway answers without asking a function reads as what the functions answer: see functions/http.ts. */
export function answerAsTheMesh(front: RestApi): void {
  for (const { type, kind, detail, retryAfter } of OWN_ANSWERS)
    front.addGatewayResponse(type.responseType, {
      type,
      statusCode: String(PROBLEMS[kind].status),
      responseHeaders: {
        'Content-Type': "'application/problem+json'",
        'Cache-Control': "'no-store'",
        'X-Content-Type-Options': "'nosniff'",
        'X-Request-Id': 'context.requestId',
        ...(kind === 'unauthenticated' && { 'WWW-Authenticate': "'Bearer'" }),
        ...(retryAfter !== undefined && { 'Retry-After': `'${retryAfter}'` }),
      },
      // The one template whatever is accepted; the header above says what it is.
      templates: { 'application/json': templateOf({ kind, detail: detail ?? SAID }) },
    });
}

const SAID = '{what the gateway says}';

/** What the gateway says is put in as it quotes it: it is JSON with its quotes. */
const templateOf = (problem: Problem): string =>
  JSON.stringify(problemToDocument(problem)).replace(
    JSON.stringify(SAID),
    () => '$context.error.messageString',
  );
