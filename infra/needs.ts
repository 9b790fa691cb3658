import type { Stack } from 'aws-cdk-lib';
import type { Territory } from '../schemas/territory.ts';
import { arnOf, type Grant, tableArn } from './grants.ts';
import { type Names, namesOf, REGISTRY_INDEXES } from './names.ts';

/** What the functions of a territory may need, each as the narrowest grant that still serves. */
export interface Needs {
  readLedger: Grant;
  appendToLedger: Grant;
  readLedgerHistory: Grant;
  eraseFromLedger: Grant;
  sweepLedger: Grant;
  keepPayloads: Grant;
  readPayloads: Grant[];
  removePayloads: Grant;
  sweepPayloads: Grant[];
  dropParts: Grant;
  joinParts: Grant;
  readRegistry: Grant;
  listRegistry: Grant;
  writeRegistry: Grant;
  readDeliveries: Grant;
  writeDeliveries: Grant;
  listDeliveries: Grant;
  listDueDeliveries: Grant;
  foldUsage: Grant;
  sendToDeliveryQueue: Grant;
  putOnSharedBuses: Grant;
  manageRules: Grant[];
  makeIngressBuses: Grant[];
  makePullQueues: Grant;
  sendToPullQueues: Grant;
  servePullQueues: Grant;
  readSealingKey: Grant;
  makeSealingKey: Grant;
  /** None where the territory has no sender. */
  sendMail: Grant[];
}

const AT_RUN_TIME = 'made at run time, one for each';

/** The grants of a territory, in the partition, region and account of `stack`. */
export function needsOf(stack: Stack, territory: Territory): Needs {
  const names = namesOf(territory);
  return {
    ...ofTables(stack, names),
    ...ofPayloads(stack, names),
    ...ofQueues(stack, names),
    ...ofBuses(stack, names),
    ...ofSecrets(stack, names),
    sendMail: ofMail(stack, territory),
  };
}

function ofTables(stack: Stack, names: Names) {
  const on = (table: string, ...actions: string[]): Grant => ({
    actions: actions.map((action) => `dynamodb:${action}`),
    on: [tableArn(stack, table)],
  });
  const query = (table: string, ...indexes: string[]): Grant => ({
    actions: ['dynamodb:Query'],
    on: indexes.map((index) => tableArn(stack, table, index)),
  });
  return {
    readLedger: on(names.ledger, 'GetItem', 'BatchGetItem'),
    appendToLedger: on(names.ledger, 'PutItem', 'DeleteItem', 'ConditionCheckItem'),
    readLedgerHistory: query(names.ledger, 'time'),
    eraseFromLedger: on(names.ledger, 'UpdateItem'),
    sweepLedger: on(names.ledger, 'DeleteItem'),
    readRegistry: on(names.registry, 'GetItem', 'BatchGetItem', 'Query'),
    listRegistry: query(names.registry, ...REGISTRY_INDEXES),
    writeRegistry: on(names.registry, 'PutItem', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem'),
    readDeliveries: on(names.deliveries, 'GetItem', 'BatchGetItem'),
    writeDeliveries: on(names.deliveries, 'PutItem', 'UpdateItem', 'BatchWriteItem'),
    listDeliveries: query(names.deliveries, 'listing'),
    listDueDeliveries: query(names.deliveries, 'due'),
    foldUsage: on(names.deliveries, 'DeleteItem'),
  };
}

function ofPayloads(stack: Stack, names: Names) {
  const bucket = `arn:${stack.partition}:s3:::${names.payloadsPrefix}${stack.account}-${stack.region}`;
  const on = (...actions: string[]): Grant => ({
    actions: actions.map((action) => `s3:${action}`),
    on: [`${bucket}/until/*`],
    because: 'each large event has data of its own there',
  });
  const list: Grant = { actions: ['s3:ListBucket'], on: [bucket] };
  return {
    keepPayloads: on('PutObject'),
    // Of what is not there S3 says so only to who may list: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    readPayloads: [on('GetObject'), list],
    removePayloads: on('DeleteObject'),
    dropParts: on('AbortMultipartUpload'),
    joinParts: on('ListMultipartUploadParts'),
    sweepPayloads: [on('DeleteObject'), list],
  };
}

function ofQueues(stack: Stack, names: Names) {
  const queue = (name: string): string => arnOf(stack, 'sqs', name);
  const pull = (...actions: string[]): Grant => ({
    actions: actions.map((action) => `sqs:${action}`),
    on: [queue(`${names.pullPrefix}*`)],
    because: `pull queues are ${AT_RUN_TIME} subscription`,
  });
  return {
    sendToDeliveryQueue: { actions: ['sqs:SendMessage'], on: [queue(names.delivery)] },
    makePullQueues: pull(
      'CreateQueue',
      'DeleteQueue',
      'GetQueueUrl',
      'GetQueueAttributes',
      'SetQueueAttributes',
    ),
    sendToPullQueues: pull('SendMessage', 'GetQueueUrl'),
    servePullQueues: pull('ReceiveMessage', 'DeleteMessage', 'ChangeMessageVisibility', 'GetQueueUrl'),
  };
}

function ofBuses(stack: Stack, names: Names) {
  const bus = (name: string): string => arnOf(stack, 'events', `event-bus/${name}`);
  const onRules = [
    'PutRule',
    'DeleteRule',
    'DescribeRule',
    'PutTargets',
    'RemoveTargets',
    'ListTargetsByRule',
  ];
  const list = {
    actions: ['events:ListRules'],
    on: ['*'],
    because: 'ListRules knows no narrower resource',
  };
  return {
    putOnSharedBuses: { actions: ['events:PutEvents'], on: names.buses.map(bus) },
    manageRules: [
      {
        actions: onRules.map((action) => `events:${action}`),
        on: names.buses.map((name) => arnOf(stack, 'events', `rule/${name}/*`)),
        because: `rules are ${AT_RUN_TIME} subscription`,
      },
      list,
    ],
    makeIngressBuses: [
      {
        actions: [
          'events:CreateEventBus',
          'events:DescribeEventBus',
          'events:PutPermission',
          'events:RemovePermission',
        ],
        on: [bus(`${names.ingressPrefix}*`)],
        because: `ingress buses are ${AT_RUN_TIME} participant`,
      },
      {
        actions: ['events:PutRule', 'events:DescribeRule', 'events:PutTargets', 'events:ListTargetsByRule'],
        on: [arnOf(stack, 'events', `rule/${names.ingressPrefix}*/admit`)],
        because: `ingress buses are ${AT_RUN_TIME} participant`,
      },
    ],
  };
}

function ofSecrets(stack: Stack, names: Names) {
  const on = [arnOf(stack, 'ssm', `parameter${names.sealingKeyPrefix}*`)];
  const because = 'a ciphertext names the version of its key, and older versions are still read';
  return {
    readSealingKey: { actions: ['ssm:GetParameter'], on, because },
    makeSealingKey: { actions: ['ssm:PutParameter'], on, because },
  };
}

/** SES judges by the identity that was verified: the address or its domain. */
function ofMail(stack: Stack, { noticeSender }: Territory): Grant[] {
  if (noticeSender === undefined) return [];
  const identities = [noticeSender, noticeSender.slice(noticeSender.indexOf('@') + 1)];
  return [
    { actions: ['ses:SendEmail'], on: identities.map((name) => arnOf(stack, 'ses', `identity/${name}`)) },
  ];
}
