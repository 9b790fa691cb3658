import type { APIGatewayProxyEvent, Context } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { eventFunction, httpFunction } from '../../functions/chain.ts';
import { ProblemError } from '../../schemas/problem.ts';

const SECRET = `maille_atmo_01J00000000000000000000000_${'s'.repeat(43)}`;
const context = (): Context =>
  ({ awsRequestId: 'lambda-1', getRemainingTimeInMillis: () => 10_000 }) as Context;
const request = (more: Partial<APIGatewayProxyEvent> = {}): APIGatewayProxyEvent =>
  ({
    httpMethod: 'POST',
    path: '/v1/events',
    headers: { Authorization: `Bearer ${SECRET}`, 'Content-Type': 'application/json' },
    multiValueHeaders: {},
    queryStringParameters: null,
    body: '{"a":1}',
    isBase64Encoded: false,
    requestContext: { requestId: 'req-1' },
    ...more,
  }) as APIGatewayProxyEvent;

let lines: string[];
beforeEach(() => {
  lines = [];
  const keep = (chunk: unknown): boolean => {
    lines.push(...String(chunk).split('\n').filter(Boolean));
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(keep);
  vi.spyOn(process.stderr, 'write').mockImplementation(keep);
});
afterEach(() => void vi.restoreAllMocks());
const logged = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);

describe('an HTTP function', () => {
  test('answers JSON with the request id, and writes one wide line and its counts', async () => {
    const handler = httpFunction('publish', () => async (_request, work) => {
      work.did('events.published');
      work.note({ participant: 'atmo' });
      work.count('accepted', 3);
      work.count('rejected', 0);
      return { status: 202, json: { accepted: 3 } };
    });
    const answer = await handler(request(), context());
    expect(answer).toMatchObject({ statusCode: 202, body: '{"accepted":3}', isBase64Encoded: false });
    expect(answer.headers).toMatchObject({ 'x-request-id': 'req-1', 'content-type': 'application/json' });
    const [line, metric, ...rest] = logged();
    expect(line).toMatchObject({
      message: 'events.published',
      level: 'INFO',
      request: 'req-1',
      participant: 'atmo',
      accepted: 3,
      rejected: 0,
      outcome: 'done',
      cold: true,
    });
    expect(line?.['ms']).toBeTypeOf('number');
    expect(metric).toMatchObject({ accepted: 3, service: 'publish' });
    expect(metric).not.toHaveProperty('rejected');
    expect(rest).toEqual([]);
  });

  test.each([
    ['plain', '{"é":1}', false],
    ['base64', Buffer.from('{"é":1}').toString('base64'), true],
  ])('gives the bytes of a %s body', async (_, body, isBase64Encoded) => {
    const handler = httpFunction('publish', () => async ({ body: bytes, headers }) => ({
      status: 200,
      json: { bytes: bytes?.toString('utf8'), type: headers['content-type'] },
    }));
    const answer = await handler(request({ body, isBase64Encoded }), context());
    expect(JSON.parse(answer.body)).toEqual({ bytes: '{"é":1}', type: 'application/json' });
  });

  test('gives undefined where there is no body, and joins repeated headers', async () => {
    const handler = httpFunction('api', () => async ({ body, headers }) => ({
      status: 200,
      json: { none: body === undefined, tags: headers['x-tag'] },
    }));
    const event = request({
      body: null,
      headers: { 'X-Tag': 'b' },
      multiValueHeaders: { 'X-Tag': ['a', 'b'] },
    });
    expect(JSON.parse((await handler(event, context())).body)).toEqual({ none: true, tags: 'a, b' });
  });

  test('turns a problem into its document', async () => {
    const handler = httpFunction(
      'api',
      () => () =>
        Promise.reject(
          new ProblemError('conflict', 'in progress', {
            retryAfter: 1.2,
            errors: [{ path: '/a', message: 'b' }],
          }),
        ),
    );
    const answer = await handler(request(), context());
    expect(answer.statusCode).toBe(409);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/problem+json',
      'retry-after': '2',
      'x-request-id': 'req-1',
    });
    expect(JSON.parse(answer.body)).toMatchObject({
      status: 409,
      detail: 'in progress',
      errors: [{ path: '/a', message: 'b' }],
    });
    expect(logged()).toMatchObject([{ outcome: 'refused', problem: 'conflict', status: 409, level: 'INFO' }]);
  });

  test('answers an unknown error with 500 and nothing of it, and logs it with its stack', async () => {
    const leaky = Object.assign(new Error(`table down ${SECRET} whsec_abc=`), {
      CancellationReasons: [{ Item: 'private' }],
    });
    const handler = httpFunction('api', () => () => Promise.reject(leaky));
    const answer = await handler(request(), context());
    expect(answer.statusCode).toBe(500);
    expect(answer.body).toContain('req-1');
    expect(answer.body).not.toContain('table down');
    const all = lines.join('\n');
    expect(all).toContain('table down');
    expect(all).toContain('chain.test.ts');
    for (const private_ of [SECRET, 's'.repeat(43), 'whsec_abc', 'private'])
      expect(all).not.toContain(private_);
    expect(logged()).toMatchObject([{ level: 'ERROR', outcome: 'failed', status: 500 }]);
  });

  test.each([
    ['did not answer', Object.assign(new Error('no answer within 5000 ms'), { name: 'TimeoutError' })],
    ['hung up', Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })],
    ['was asked too often', Object.assign(new Error('slow down'), { name: 'ThrottlingException' })],
    ['failed', Object.assign(new Error('sorry'), { $metadata: { httpStatusCode: 500 } })],
  ])('answers AWS that %s with 503 and when to try again, and logs it as a failure', async (_, error) => {
    const handler = httpFunction('api', () => () => Promise.reject(error));
    const answer = await handler(request(), context());
    expect(answer.statusCode).toBe(503);
    expect(answer.headers).toMatchObject({ 'retry-after': '2' });
    expect(answer.body).toContain('req-1');
    expect(answer.body).not.toContain(error.message);
    expect(logged()).toMatchObject([
      { level: 'ERROR', outcome: 'failed', status: 503, problem: 'unavailable' },
    ]);
  });

  test('leaves out of the log what a SyntaxError quotes', async () => {
    const handler = httpFunction('api', () => async () => {
      JSON.parse('{"name": Marie Curie}');
      return { status: 200 };
    });
    await handler(request(), context());
    expect(lines.join('\n')).not.toContain('Marie');
  });

  test('wires once, and again after a wiring that failed', async () => {
    let wired = 0;
    const handler = httpFunction('api', () => {
      wired += 1;
      if (wired === 1) throw new Error('no parameter yet');
      return async () => ({ status: 204 });
    });
    expect((await handler(request(), context())).statusCode).toBe(500);
    expect((await handler(request(), context())).statusCode).toBe(204);
    expect((await handler(request(), context())).statusCode).toBe(204);
    expect(wired).toBe(2);
  });

  test('answers 503 just before Lambda would kill it', async () => {
    const handler = httpFunction('api', () => () => new Promise(() => undefined));
    const answer = await handler(request(), { ...context(), getRemainingTimeInMillis: () => 320 });
    expect(answer.statusCode).toBe(503);
    expect(answer.headers).toMatchObject({ 'retry-after': '1' });
  });
});

describe('an event function', () => {
  test('answers what the handler answers, with its line', async () => {
    const handler = eventFunction('route', () => async (event: { n: number }, work) => {
      work.did('events.routed');
      return { doubled: event.n * 2 };
    });
    expect(await handler({ n: 2 }, context())).toEqual({ doubled: 4 });
    expect(logged()).toMatchObject([{ message: 'events.routed', request: 'lambda-1', outcome: 'done' }]);
  });

  test('throws what was thrown, so that the engine tries again', async () => {
    const handler = eventFunction('route', () => () => Promise.reject(new Error('bus down')));
    await expect(handler({}, context())).rejects.toThrow('bus down');
    expect(logged()).toMatchObject([{ outcome: 'failed', level: 'ERROR' }]);
  });
});
