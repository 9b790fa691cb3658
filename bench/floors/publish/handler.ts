import { TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { fastFormats } from 'ajv-formats/dist/formats.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { APIGatewayProxyEvent } from 'aws-lambda';
import { hash } from 'node:crypto';
import { monotonicFactory } from 'ulid';
import { dynamoClient } from '../../../adapters/dynamodb/client.ts';
import { canonicalJson } from '../../../events/canonical.ts';
import type { CloudEvent } from '../../../events/cloudevent.ts';
import { co2Ecoles } from '../../../local/demo/datasets/co2-ecoles.ts';

const client = dynamoClient();
const validate = new Ajv2020({ allErrors: true, strictTypes: false, formats: fastFormats }).compile(
  co2Ecoles.types[0]?.schema ?? {},
);
const ulid = monotonicFactory();
const TableName = process.env['LEDGER_TABLE'];

/** The floor of `publish`: parses, validates, digests and makes the same transactions, without asking who or why. */
export async function handler({ body, isBase64Encoded }: APIGatewayProxyEvent): Promise<unknown> {
  const text = isBase64Encoded ? Buffer.from(body ?? '', 'base64').toString() : (body ?? '');
  const puts = (JSON.parse(text) as CloudEvent[]).map(putOf);
  const writes: Promise<unknown>[] = [];
  for (let at = 0; at < puts.length; at += 100) {
    writes.push(client.send(new TransactWriteItemsCommand({ TransactItems: puts.slice(at, at + 100) })));
  }
  await Promise.all(writes);
  return { statusCode: 202, body: JSON.stringify({ accepted: puts.length }) };
}

function putOf(event: CloudEvent) {
  if (!validate(event['data'])) throw new Error('not valid');
  const body = canonicalJson(event);
  const now = Date.now();
  return {
    Put: {
      TableName,
      Item: {
        key: { S: hash('sha256', `co2-ecoles ${event.source} ${event.id}`, 'base64url') },
        sequence: { S: ulid(now) },
        dataset: { S: 'co2-ecoles' },
        provider: { S: 'atmo' },
        type: { S: event.type },
        schemaVersion: { N: '1' },
        digest: { S: hash('sha256', body, 'hex') },
        body: { S: body },
        expires: { N: String(Math.floor(now / 1000) + 2_592_000) },
        bucket: { S: `co2-ecoles#${new Date(now).toISOString().slice(0, 10)}#0` },
      },
      ConditionExpression: 'attribute_not_exists(digest)',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
    },
  };
}
