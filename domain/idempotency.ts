import { digestOf } from '../events/canonical.ts';
import { type Problem, ProblemError, PROBLEMS } from '../schemas/problem.ts';
import type { Clock, KeptAnswer, Registry, Sealer } from './ports.ts';

/** The longest that a first call may be under way; one that died gives its key free after that. */
const UNDER_WAY_SECONDS = 60;

/** What keeping answers needs of the world. */
export interface IdempotencyDeps {
  registry: Pick<Registry, 'read' | 'write'>;
  sealer: Pick<Sealer, 'seal' | 'unseal'>;
  now: Clock;
  /** How long an answer is kept. */
  keepSeconds: number;
}

/** A call that may come twice: whose it is, its Idempotency-Key, and what it asks for. */
export interface Call {
  participant: string;
  /** As what it is made: an answer is nobody's who may do less, or more. */
  rank: { roles: readonly string[]; scopes: readonly string[] };
  key: string;
  /** Method, path and body: what has to be the same for the answer to be the same. */
  request: string;
}

/**
 * Performs a call once: a repeated one gets the kept answer, the same key for another request is refused, and so is a
 * repetition while the first is under way. A refusal is an answer like any other, and kept; a fault of the mesh is
 * not, so that the call can be made again.
 */
export async function onceOnly<Answer>(
  deps: IdempotencyDeps,
  call: Call,
  perform: () => Promise<Answer>,
): Promise<{ answer: Answer; repeated: boolean }> {
  if (!/^[\x21-\x7e]{1,255}$/.test(call.key)) {
    throw new ProblemError(
      'not-valid',
      'Idempotency-Key must be 1 to 255 printable ASCII characters without spaces',
    );
  }
  const { roles, scopes } = call.rank;
  const lock: KeptAnswer = {
    id: `${call.participant}/${digestOf([call.key, ...roles.toSorted(), ...scopes.toSorted()].join('\n'))}`,
    request: digestOf(call.request),
    expires: secondsAfter(deps, UNDER_WAY_SECONDS),
  };
  if (!(await deps.registry.write([{ do: 'create', noun: 'answer', item: lock }]))) {
    return { answer: await keptAnswer<Answer>(deps, lock), repeated: true };
  }
  let outcome: Outcome<Answer>;
  try {
    outcome = await performed(perform);
  } catch (error) {
    await deps.registry.write([{ do: 'remove', noun: 'answer', id: lock.id }]).catch(() => undefined);
    throw error;
  }
  const sealed = await deps.sealer.seal(JSON.stringify(outcome));
  const item = { ...lock, answer: sealed, expires: secondsAfter(deps, deps.keepSeconds) };
  await deps.registry.write([{ do: 'replace', noun: 'answer', before: lock, item }]);
  return { answer: answerOf(outcome), repeated: false };
}

/** What became of a call: its answer, or why it was refused. */
type Outcome<Answer> = { answer: Answer } | { problem: Problem };

async function performed<Answer>(perform: () => Promise<Answer>): Promise<Outcome<Answer>> {
  try {
    return { answer: await perform() };
  } catch (error) {
    if (error instanceof ProblemError && PROBLEMS[error.problem.kind].status < 500)
      return { problem: error.problem };
    throw error;
  }
}

function answerOf<Answer>(outcome: Outcome<Answer>): Answer {
  if ('answer' in outcome) return outcome.answer;
  const { kind, detail, ...more } = outcome.problem;
  throw new ProblemError(kind, detail, more);
}

async function keptAnswer<Answer>(deps: IdempotencyDeps, lock: KeptAnswer): Promise<Answer> {
  const kept = await deps.registry.read('answer', lock.id);
  if (kept && kept.request !== lock.request) {
    throw new ProblemError('not-valid', 'This Idempotency-Key was used for another request: take a new one');
  }
  if (kept?.answer === undefined) {
    throw new ProblemError('conflict', 'The first call with this Idempotency-Key is under way', {
      retryAfter: 1,
    });
  }
  // Sealed by this very module, from an answer of the same call.
  return answerOf(JSON.parse(await deps.sealer.unseal(kept.answer)) as Outcome<Answer>);
}

const secondsAfter = ({ now }: IdempotencyDeps, seconds: number): number =>
  Math.floor(now().getTime() / 1000) + Math.ceil(seconds);
