import { randomBytes } from 'node:crypto';
import { makeKey } from '../../domain/identify.ts';
import { dispatcher } from '../../functions/api/dispatch.ts';
import { ROUTES } from '../../functions/api/routes.ts';
import type { HttpAnswer } from '../../functions/http.ts';
import type { KeyRequest, Participant } from '../../schemas/participant.ts';
import { PROBLEMS, ProblemError, problemToDocument } from '../../schemas/problem.ts';
import { given } from '../given.ts';
import { type MemoryMesh, meshInMemory } from '../domain/mesh.ts';

/** What the API answered, as a client reads it. */
export interface Answered {
  status: number;
  headers: Record<string, string>;
  text: string | undefined;
  // A test looks at what was answered as a client would; it asserts on what it needs.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  json: any;
}

/** The API on a mesh in memory: the city operates and has a DPO, atmo provides, app and lab consume. */
export async function apiInMemory() {
  const mesh = meshInMemory();
  const keyOf = async (participant: string, more: Partial<KeyRequest> = {}): Promise<string> => {
    const { text, item } = makeKey(participant, mesh.now(), randomBytes, { label: 'test', ...more });
    await mesh.has('key', item);
    return text;
  };
  const party = async (id: string, roles: Participant['roles'], more: Partial<KeyRequest> = {}) => {
    await mesh.has('participant', given.participant({ id, roles }));
    return keyOf(id, more);
  };
  const keys = {
    operator: await party('city', ['provider'], { role: 'operator' }),
    dpo: await keyOf('city', { role: 'dpo' }),
    atmo: await party('atmo', ['provider']),
    app: await party('app', ['consumer']),
    lab: await party('lab', ['consumer']),
  };
  return { mesh, keys, keyOf, ask: askOf(mesh) };
}

/** Asks as the chain would: problems become their documents, bodies pass through JSON, a text as it is. */
function askOf(mesh: MemoryMesh) {
  const dispatch = dispatcher(mesh, ROUTES);
  return async (
    key: string | undefined,
    line: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answered> => {
    const [method = '', target = ''] = line.split(' ');
    const url = new URL(target, 'https://mesh.example.org');
    const work = { request: 'req-1', did: () => undefined, note: () => undefined, count: () => undefined };
    const request = {
      method,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: {
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body:
        body === undefined ? undefined : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    };
    const answer = await dispatch(request, work).catch((error: unknown): HttpAnswer => {
      if (!(error instanceof ProblemError)) throw error;
      return { status: PROBLEMS[error.problem.kind].status, json: problemToDocument(error.problem) };
    });
    const json: unknown = answer.json === undefined ? undefined : JSON.parse(JSON.stringify(answer.json));
    return { status: answer.status, headers: answer.headers ?? {}, text: answer.text, json };
  };
}
