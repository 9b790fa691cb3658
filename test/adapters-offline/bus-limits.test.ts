import type {
  EventBridgeClient,
  PutEventsCommandInput,
  PutEventsResultEntry,
} from '@aws-sdk/client-eventbridge';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toBatches } from '../../adapters/batches.ts';
import { eventBus, PUT_EVENTS_LIMITS } from '../../adapters/eventbridge/bus.ts';
import { ingressPolicy } from '../../adapters/eventbridge/ingress-buses.ts';
import type { RoutedEvent } from '../../domain/ports.ts';

const routed = (id: string, data: unknown = {}): RoutedEvent => ({
  key: id,
  sequence: id,
  dataset: 'd',
  schemaVersion: 1,
  event: { specversion: '1.0', id, source: '//t/p', type: 'a.b', data },
});

type Answer = (request: PutEventsCommandInput) => PutEventsResultEntry[];

function given(answer: Answer, buses = ['one']) {
  const requests: PutEventsCommandInput[] = [];
  const failures: string[] = [];
  // Safe: the bus only ever calls `send` with a PutEventsCommand.
  const client = {
    async send({ input }: { input: PutEventsCommandInput }) {
      requests.push(input);
      return { Entries: answer(input) };
    },
  } as unknown as EventBridgeClient;
  return {
    bus: eventBus({ client, buses, onFailure: ({ code }) => failures.push(code) }),
    requests,
    failures,
  };
}

const taken: Answer = ({ Entries = [] }) => Entries.map(() => ({ EventId: 'x' }));
const bytes = ({ Entries = [] }: PutEventsCommandInput): number =>
  Entries.reduce((sum, one) => sum + Buffer.byteLength(`${one.Source}${one.DetailType}${one.Detail}`), 0);

describe('PutEvents', () => {
  it('needs one call for ten events', async () => {
    const { bus, requests } = given(taken);
    expect(await bus.put(Array.from({ length: 100 }, (_, index) => routed(String(index))))).toEqual([]);
    expect(requests).toHaveLength(10);
  });

  it('keeps each request under the size that AWS counts, in UTF-8', async () => {
    const { bus, requests } = given(taken, ['one', 'two']);
    await bus.put(Array.from({ length: 20 }, (_, index) => routed(String(index), 'é'.repeat(120_000))));
    expect(requests.flatMap(({ Entries = [] }) => Entries)).toHaveLength(40);
    for (const request of requests) expect(bytes(request)).toBeLessThan(1_000_000);
  });

  it('says of an event that is too large that it was not taken, without harm to the others', async () => {
    const { bus, requests, failures } = given(taken);
    expect(
      await bus.put([routed('0'), routed('1', 'x'.repeat(PUT_EVENTS_LIMITS.bytes)), routed('2')]),
    ).toEqual([1]);
    expect(requests.flatMap(({ Entries = [] }) => Entries)).toHaveLength(2);
    expect(failures).toEqual(['TooLarge']);
  });

  it('names the events that a bus did not take, each once', async () => {
    const answer: Answer = ({ Entries = [] }) =>
      Entries.map(({ Detail }) =>
        Detail?.includes('"key":"3"') ? { ErrorCode: 'ThrottlingException' } : { EventId: 'x' },
      );
    const { bus, failures } = given(answer, ['one', 'two']);
    expect(await bus.put(Array.from({ length: 12 }, (_, index) => routed(String(index))))).toEqual([3]);
    expect(failures).toEqual(['ThrottlingException', 'ThrottlingException']);
  });

  it('takes what an answer leaves out as not taken', async () => {
    const { bus } = given(() => [{ EventId: 'x' }]);
    expect(await bus.put([routed('0'), routed('1')])).toEqual([1]);
  });

  it('a request that fails fails its events, and no others', async () => {
    const { bus, failures } = given((request) => {
      if (request.Entries?.[0]?.Detail?.includes('"key":"10"')) throw new Error('gone');
      return taken(request);
    });
    const failed = await bus.put(Array.from({ length: 25 }, (_, index) => routed(String(index))));
    expect(failed).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    expect(failures).toHaveLength(10);
  });
});

describe('batches', () => {
  it('hold everything, in order, within both limits unless one item alone is larger', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(30)),
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 20 }),
        (sizes, items, limit) => {
          const batches = toBatches(sizes, { items, bytes: limit }, (size) => size);
          expect(batches.flat()).toEqual(sizes);
          for (const batch of batches) {
            expect(batch.length).toBeLessThanOrEqual(items);
            expect(batch.length).toBeGreaterThan(0);
            if (batch.length > 1)
              expect(batch.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(limit);
          }
        },
      ),
    );
  });
});

describe('the policy of an ingress bus', () => {
  it('lets the account of the participant put events there, and nobody else do anything', () => {
    const bus = 'arn:aws-eusc:events:eusc-de-east-1:111111111111:event-bus/maille-t-in-atmo';
    expect(ingressPolicy(bus, '123456789012')).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'participant',
          Effect: 'Allow',
          Principal: { AWS: '123456789012' },
          Action: 'events:PutEvents',
          Resource: bus,
        },
      ],
    });
  });
});
