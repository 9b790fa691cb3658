import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { DeliveryMessage, RoutedEvent } from '../../domain/ports.ts';
import { engine, uniqueName } from './given-engine.ts';

/** A subscription of which only the number differs. */
export const subscription = (number: number): DeliveryMessage['subscription'] => ({
  id: `sub_01JADAPTERS${String(number).padStart(15, '0')}`,
  contract: 'ctr_01J00000000000000000000000',
  dataset: 'co2-ecoles',
  provider: 'atmo',
  consumer: 'app',
});

/** An event as it travels on the bus. */
export const routed = (number: number, data: unknown = { co2: number }): RoutedEvent => ({
  key: `key-${number}`,
  sequence: `01J${String(number).padStart(23, '0')}`,
  dataset: 'co2-ecoles',
  schemaVersion: 1,
  event: {
    specversion: '1.0',
    id: `event-${number}`,
    source: '//la-rochelle/atmo',
    type: 'eu.maille.co2.v1',
    data,
  },
});

/** A queue on the engine, and what it holds. */
export interface EngineQueue {
  url: string;
  arn: string;
  client: SQSClient;
  /** Takes what is there: body and message group of each. */
  take(): Promise<{ body: string; group: string | undefined }[]>;
  /** Takes what is there and leaves it hidden for so many seconds: the receipt of each. */
  takeHidden(seconds: number): Promise<string[]>;
}

/** Makes a queue on the engine. */
export async function engineQueue(what: string): Promise<EngineQueue> {
  const client = new SQSClient(engine());
  const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName: uniqueName(what) }));
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  const receive = new ReceiveMessageCommand({
    QueueUrl,
    MaxNumberOfMessages: 10,
    MessageSystemAttributeNames: ['MessageGroupId'],
  });
  return {
    url: QueueUrl,
    arn: Attributes?.['QueueArn'] ?? '',
    client,
    async takeHidden(seconds) {
      const hidden = { QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: seconds };
      const { Messages = [] } = await client.send(new ReceiveMessageCommand(hidden));
      return Messages.map(({ ReceiptHandle = '' }) => ReceiptHandle);
    },
    async take() {
      const { Messages = [] } = await client.send(receive);
      return Messages.map(({ Body = '', Attributes: system }) => ({
        body: Body,
        group: system?.['MessageGroupId'],
      }));
    },
  };
}
