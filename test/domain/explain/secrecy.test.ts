import fc from 'fast-check';
import { expect, test } from 'vitest';
import { minimise } from '../../../domain/deliver/minimise.ts';
import { hiddenPathConflicts } from '../../../domain/pattern/hidden.ts';
import type { CloudEvent } from '../../../events/cloudevent.ts';
import type { MinimisationClause } from '../../../schemas/dataset.ts';
import { given } from '../../given.ts';
import { flowInMemory, type MemoryFlow } from '../deliver/flow.ts';
import { problemOf } from '../mesh.ts';
import { accepted, ask } from './asking.ts';

const name = fc.constantFrom('a', 'b', 'c');
// Each value is one of a kind, so that a leak shows.
let counter = 0;
const secret = fc.constant(null).map(() => `secret-${(counter += 1)}.`);
const { data } = fc.letrec((tie) => ({
  data: fc.oneof(
    { maxDepth: 3 },
    secret,
    fc.array(tie('data'), { maxLength: 3 }),
    fc.dictionary(name, tie('data'), { maxKeys: 3 }),
  ),
}));
const path = fc
  .array(fc.oneof(name, fc.constant('*')), { maxLength: 3 })
  .map((parts) => ['/data', ...parts].join('/'));
const clause = fc.oneof(
  path.map((at) => ({ do: 'drop' as const, path: at })),
  path.map((at) => ({ do: 'round' as const, path: at, to: 10 })),
  path.map((at) => ({ do: 'pseudonymise' as const, path: at, rotate: 'P1D' })),
);
const clauses = fc
  .array(clause, { minLength: 1, maxLength: 3 })
  .map((all) => all.map((one, at): MinimisationClause => ({ clause: `c${at}`, ...one })));
const filter = fc
  .array(
    fc.tuple(
      fc.array(name, { minLength: 1, maxLength: 3 }),
      fc.constantFrom<unknown>(
        'no',
        { exists: true },
        { exists: false },
        { prefix: 'zz' },
        { prefix: 'secret' },
      ),
    ),
    { minLength: 1, maxLength: 2 },
  )
  .map(
    (keys) =>
      Object.assign(
        {},
        ...keys.map(([names, wanted]) => ({
          data: names.reduceRight<unknown>((inner, one) => ({ [one]: inner }), [wanted]),
        })),
      ) as Record<string, unknown>,
  );

const secretsIn = (value: unknown): string[] => JSON.stringify(value).match(/secret-\d+\./g) ?? [];
/** What is left of some data, in a contract of no importance. */
const left = (content: unknown, minimisation: MinimisationClause[]): CloudEvent =>
  minimise(given.event({ id: 'e', data: content }), minimisation, {
    key: Buffer.alloc(32),
    contract: 'c',
    acceptedAt: new Date(0),
    sequence: '01KDVDG4000000000000000000',
  });
const hiddenIn = (content: unknown, minimisation: MinimisationClause[]): string[] => {
  const seen = secretsIn(left(content, minimisation));
  return secretsIn(content).filter((value) => !seen.includes(value));
};

/** Whether a consumer is told of what was delivered to it, or of what was not. */
const came = fc.boolean();

/** A consumer's subscription and one event with what it holds; delivered, or not. */
async function story(
  flow: MemoryFlow,
  content: unknown,
  {
    minimisation,
    wish,
    isDelivered,
  }: { minimisation: MinimisationClause[]; wish: object; isDelivered: boolean },
) {
  const { subscription, contract } = await flow.begins({
    contract: { terms: { minimisation } },
    subscription: { filter: wish as Record<string, unknown> },
  });
  const entry = await accepted(flow, { data: content, subject: 'secret-0.' });
  if (isDelivered) await flow.deliver(flow.matched(subscription, entry));
  return { subscription, contract, entry };
}

test('no answer has a value at a path that the contract hides: property', async () => {
  await fc.assert(
    fc.asyncProperty(data, clauses, filter, came, async (content, minimisation, wish, isDelivered) => {
      const flow = flowInMemory();
      const { subscription, entry } = await story(flow, content, { minimisation, wish, isDelivered });
      const told = JSON.stringify(await ask(flow, subscription, entry.id));
      for (const value of hiddenIn(content, minimisation)) expect(told).not.toContain(value);
      expect(told).not.toContain('secret-0.');
      if (hiddenPathConflicts(wish as never, minimisation).length > 0) expect(told).not.toContain('secret-');
    }),
    { numRuns: 300 },
  );
});

test('no answer depends on what the contract hides: property', async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(data, clauses, filter, came, async (content, minimisation, wish, isDelivered) => {
      const hidden = hiddenIn(content, minimisation);
      const other: unknown = JSON.parse(
        hidden.reduce((text, value) => text.replaceAll(value, `another-${value}`), JSON.stringify(content)),
      );
      // A pseudonym is of what it stands for, and differs.
      const alike = JSON.stringify(left(content, minimisation)) === JSON.stringify(left(other, minimisation));
      if (!alike || hidden.length === 0) return;
      compared += 1;
      const told = async (of: unknown) => {
        const flow = flowInMemory();
        const { subscription, entry } = await story(flow, of, { minimisation, wish, isDelivered });
        const { delivery, ...answer } = await ask(flow, subscription, entry.id);
        return { ...answer, found: delivery !== undefined };
      };
      expect(await told(other)).toEqual(await told(content));
    }),
    { numRuns: 600 },
  );
  expect(compared).toBeGreaterThan(50);
});

test('no answer depends on what another consumer has, nor finds anything by its names: property', async () => {
  await fc.assert(
    fc.asyncProperty(
      data,
      clauses,
      clauses,
      filter,
      came,
      async (content, own, others, wish, isDelivered) => {
        const flow = flowInMemory();
        const { subscription, entry } = await story(flow, content, { minimisation: own, wish, isDelivered });
        const before = await ask(flow, subscription, entry.id);

        await flow.has('participant', given.participant({ id: 'lab' }));
        const lab = await flow.begins({
          contract: { consumer: 'lab', terms: { minimisation: [...others, PSEUDONYM] } },
          subscription: { consumer: 'lab' },
        });
        flow.answers(500);
        const { records } = await flow.deliver(flow.matched(lab.subscription, entry));
        const request = flow.sender.requests.at(-1);
        const got = JSON.parse(String(request?.body)) as CloudEvent;
        expect(got.id).not.toBe(entry.id);

        expect(await ask(flow, subscription, entry.id)).toEqual(before);
        for (const name of [got.id, got.sequence, records[0]?.id ?? '', entry.sequence])
          expect(await ask(flow, subscription, String(name))).toMatchObject({ outcome: 'unknown' });
        const text = JSON.stringify(before);
        for (const of of [lab.contract.id, lab.subscription.id, 'lab']) expect(text).not.toContain(of);
        for (const id of [entry.id, got.id])
          expect(await problemOf(ask(flow, lab.subscription, id))).toMatchObject({ kind: 'not-found' });
      },
    ),
    { numRuns: 200 },
  );
});

const PSEUDONYM: MinimisationClause = { clause: 'who', do: 'pseudonymise', path: '/subject', rotate: 'P1D' };
