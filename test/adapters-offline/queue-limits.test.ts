import type { SendMessageBatchCommandInput, SQSClient } from '@aws-sdk/client-sqs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deliveryQueue, readDeliveryMessage } from '../../adapters/sqs/delivery-queue.ts';
import { toBody } from '../../adapters/sqs/send-batches.ts';
import type { DeliveryMessage } from '../../domain/ports.ts';

const message: DeliveryMessage = {
  subscription: { id: 'sub_1', contract: 'ctr_1', dataset: 'd', provider: 'p', consumer: 'c' },
  event: {
    key: 'k',
    sequence: 's',
    dataset: 'd',
    schemaVersion: 1,
    event: { specversion: '1.0', id: '1', source: '//t/p', type: 'a.b', data: {} },
  },
};

function given(failing: (at: number) => boolean = () => false) {
  const requests: SendMessageBatchCommandInput[] = [];
  // Safe: the queue only ever calls `send` with a SendMessageBatchCommand.
  const client = {
    async send({ input }: { input: SendMessageBatchCommandInput }) {
      requests.push(input);
      const entries = input.Entries ?? [];
      return {
        Successful: entries.filter((_, at) => !failing(at)),
        Failed: entries.filter((_, at) => failing(at)).map(({ Id }) => ({ Id, Code: 'InternalError' })),
      };
    },
  } as unknown as SQSClient;
  return { queue: deliveryQueue({ client, queueUrl: 'http://queue' }), requests };
}

describe('SendMessageBatch', () => {
  it('holds at most ten messages and 1 MiB', async () => {
    const { queue, requests } = given();
    const cloudEvent = {
      specversion: '1.0',
      id: '1',
      source: '//t/p',
      type: 'a.b',
      data: 'é'.repeat(100_000),
    } as const;
    const large = { ...message, event: { ...message.event, event: cloudEvent } };
    await queue.send([...Array.from({ length: 12 }, () => ({ message: large, delaySeconds: 0 }))]);
    await queue.send([...Array.from({ length: 12 }, () => ({ message, delaySeconds: 900 }))]);
    for (const { Entries = [] } of requests) {
      expect(Entries.length).toBeLessThanOrEqual(10);
      expect(
        Entries.reduce((sum, { MessageBody = '' }) => sum + Buffer.byteLength(MessageBody), 0),
      ).toBeLessThanOrEqual(1_048_576);
    }
    expect(requests.map(({ Entries = [] }) => Entries.length)).toEqual([5, 5, 2, 10, 2]);
  });

  it('throws when SQS did not take one of them', async () => {
    const { queue } = given((at) => at === 1);
    const two = [message, message].map((one) => ({ message: one, delaySeconds: 0 }));
    await expect(queue.send(two)).rejects.toThrow('did not take 1 of 2 messages: InternalError');
  });

  it('never holds a character that SQS refuses, and loses none', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const body = toBody({ text });
        expect([...body].every((char) => char >= ' ' && char !== '\ufffe' && char !== '\uffff')).toBe(true);
        expect(JSON.parse(body)).toEqual({ text });
      }),
      { examples: [['\ufffe'], ['\uffff\u0000\ud800']] },
    );
  });
});

describe('reading a delivery message', () => {
  it('answers what was sent', () => {
    for (const one of [
      message,
      { ...message, event: { key: 'k', sequence: 's' } },
      { ...message, event: { key: 'k', sequence: 's' }, again: { delivery: 'dlv_1', attempts: 0 } },
      { ...message, again: { delivery: 'dlv_1', attempts: 7 } },
    ]) {
      expect(readDeliveryMessage(JSON.stringify(one))).toEqual(one);
    }
  });

  it('answers nothing for anything that lacks a part', () => {
    const parts = [
      ['subscription'],
      ['event'],
      ...['id', 'contract', 'dataset', 'provider', 'consumer'].map((key) => ['subscription', key]),
      ...['key', 'sequence', 'dataset', 'schemaVersion'].map((key) => ['event', key]),
      ...['specversion', 'id', 'source', 'type'].map((key) => ['event', 'event', key]),
    ];
    for (const path of parts) {
      for (const wrong of [undefined, null, 7.5, [], {}]) {
        const copy = structuredClone(message) as unknown as Record<string, unknown>;
        // Safe: the path leads through objects of the message above.
        const parent = path.slice(0, -1).reduce((at, key) => at[key] as Record<string, unknown>, copy);
        parent[path.at(-1) ?? ''] = wrong;
        expect(
          readDeliveryMessage(JSON.stringify(copy)),
          `${path.join('.')} = ${JSON.stringify(wrong)}`,
        ).toBeUndefined();
      }
    }
    const again = [
      {},
      { delivery: 1, attempts: 1 },
      { delivery: 'd' },
      { delivery: 'd', attempts: '1' },
      null,
      'd',
    ];
    for (const one of again)
      expect(readDeliveryMessage(JSON.stringify({ ...message, again: one }))).toBeUndefined();
    for (const body of ['', '{', 'null', '[]', '"x"', '{"event":{}}'])
      expect(readDeliveryMessage(body)).toBeUndefined();
  });
});
