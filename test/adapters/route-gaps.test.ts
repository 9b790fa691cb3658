import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { routeGaps } from '../../adapters/sqs/route-gaps.ts';
import type { Gap } from '../../domain/ports.ts';
import { engineQueue } from './given-messages.ts';

async function given() {
  const { client, url } = await engineQueue('gaps');
  const put = (MessageBody: string) => client.send(new SendMessageCommand({ QueueUrl: url, MessageBody }));
  return { gaps: routeGaps({ client, queueUrl: url }), put };
}

const from = new Date('2026-03-04T00:00:00.000Z');
const to = new Date('2026-03-05T06:30:00.000Z');

describe('the gaps of route', () => {
  it.each<Gap>([
    { keys: ['one', 'two'] },
    { from, to },
    { from, to, done: { dataset: 'co2', before: new Date('2026-03-04T12:00:00.001Z') } },
  ])('come back as they were reported, until they are closed', async (gap) => {
    const { gaps } = await given();
    await gaps.report(gap);
    const [got, ...more] = await gaps.receive();
    expect(got?.gap).toEqual(gap);
    expect(more).toEqual([]);
    await gaps.close(got?.lease ?? '');
    expect(await gaps.receive()).toEqual([]);
  });

  it('are spans where an operator says so, and where a stream gave up, widened', async () => {
    const { gaps, put } = await given();
    await put('{"from":"2026-03-04T00:00:00Z","to":"2026-03-05T06:30:00Z"}');
    // As the developer guide of Lambda shows it, shortened.
    await put(
      JSON.stringify({
        requestContext: { condition: 'RetryAttemptsExhausted', approximateInvokeCount: 11 },
        DDBStreamBatchInfo: {
          shardId: 'shardId-00000001573689847184-864758bb',
          approximateArrivalOfFirstRecord: '2026-03-04T12:00:00Z',
          approximateArrivalOfLastRecord: '2026-03-04T12:00:01Z',
          batchSize: 1,
        },
      }),
    );
    const widened = { from: new Date('2026-03-04T11:59:00Z'), to: new Date('2026-03-04T12:01:01Z') };
    expect((await gaps.receive()).map(({ gap }) => gap)).toEqual([{ from, to }, widened]);
  });

  it('are told apart from what is none, and from rows that cannot be read', async () => {
    const { gaps, put } = await given();
    await put('not json');
    await put('{"from":"yesterday","to":"today"}');
    await gaps.setAside({ key: 'k', because: 'SyntaxError' });
    expect((await gaps.receive()).map(({ gap }) => gap)).toEqual([undefined, undefined, undefined]);
  });
});
