import { Aws, Duration, RemovalPolicy, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import {
  type Attribute,
  AttributeType,
  BillingMode,
  ProjectionType,
  StreamViewType,
  Table,
  type TableProps,
} from 'aws-cdk-lib/aws-dynamodb';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import { Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Territory } from '../schemas/territory.ts';
import { arnOf } from './grants.ts';
import { namesOf, REGISTRY_INDEXES } from './names.ts';
import { deliverTimeout } from './timeouts.ts';

/** SQS keeps what nobody took for at most so long. */
const LONGEST_KEPT = Duration.days(14);
/** How often a delivery message is handed out before it is set aside: only a crash or a bug gets that far. */
const RECEIVES = 10;

/** What the stateful stack holds and the functions use. */
export interface Stores {
  ledger: Table;
  delivery: Queue;
  deliveryDead: Queue;
  ruleDead: Queue;
  routeDead: Queue;
  admitDead: Queue;
}

/** The stateful stack: everything that holds accepted data. Retained in production, under fixed names. */
export class LedgerStack extends Stack {
  readonly stores: Stores;

  constructor(scope: Construct, territory: Territory, props: StackProps = {}) {
    const names = namesOf(territory);
    super(scope, names.ledgerStack, {
      ...props,
      description: `${territory.name}: what the mesh has accepted`,
    });
    const kept = { production: RemovalPolicy.RETAIN, development: RemovalPolicy.DESTROY }[territory.stage];
    tables(this, territory, kept);
    payloads(this, names.payloadsPrefix, kept);
    names.buses.forEach((name, at) => {
      new EventBus(this, `Bus${at + 1}`, { eventBusName: name }).applyRemovalPolicy(kept);
    });
    this.stores = { ledger: ledgerTable(this, names.ledger, kept), ...queues(this, territory, kept) };
  }
}

function table(scope: Construct, id: string, kept: RemovalPolicy, props: TableProps): Table {
  return new Table(scope, id, {
    billingMode: BillingMode.PAY_PER_REQUEST,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    timeToLiveAttribute: 'expires',
    deletionProtection: kept === RemovalPolicy.RETAIN,
    removalPolicy: kept,
    ...props,
  });
}

const text = (name: string): Attribute => ({ name, type: AttributeType.STRING });

function ledgerTable(scope: Construct, tableName: string, kept: RemovalPolicy): Table {
  const ledger = table(scope, 'Ledger', kept, {
    tableName,
    partitionKey: text('key'),
    stream: StreamViewType.NEW_IMAGE,
  });
  ledger.addGlobalSecondaryIndex({
    indexName: 'time',
    partitionKey: text('bucket'),
    sortKey: text('sequence'),
    projectionType: ProjectionType.KEYS_ONLY,
  });
  return ledger;
}

function tables(scope: Construct, territory: Territory, kept: RemovalPolicy): void {
  const names = namesOf(territory);
  const registry = table(scope, 'Registry', kept, {
    tableName: names.registry,
    partitionKey: text('pk'),
    sortKey: text('sk'),
  });
  // An update of CloudFormation adds one index at most to a table that stands (AWS::DynamoDB::Table, "Update requires"):
  // once territories are deployed, a release adds one.
  for (const indexName of REGISTRY_INDEXES) {
    registry.addGlobalSecondaryIndex({
      indexName,
      partitionKey: text(`${indexName}pk`),
      sortKey: text(`${indexName}sk`),
    });
  }
  const deliveries = table(scope, 'Deliveries', kept, {
    tableName: names.deliveries,
    partitionKey: text('id'),
  });
  deliveries.addGlobalSecondaryIndex({
    indexName: 'listing',
    partitionKey: text('lane'),
    sortKey: text('id'),
  });
  deliveries.addGlobalSecondaryIndex({
    indexName: 'due',
    partitionKey: text('dueLane'),
    sortKey: text('dueAt'),
    projectionType: ProjectionType.KEYS_ONLY,
  });
}

function payloads(scope: Construct, prefix: string, kept: RemovalPolicy): void {
  const bucket = new Bucket(scope, 'Payloads', {
    bucketName: `${prefix}${Aws.ACCOUNT_ID}-${Aws.REGION}`,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    encryption: BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    removalPolicy: kept,
    lifecycleRules: [{ abortIncompleteMultipartUploadAfter: Duration.days(1) }],
  });
  Validations.of(bucket).acknowledge({
    id: 'AwsSolutions-S1',
    reason:
      'Access goes through the mesh, which logs each visit with its verdict; a log bucket would say less',
  });
}

function queues(scope: Stack, territory: Territory, kept: RemovalPolicy): Omit<Stores, 'ledger'> {
  const names = namesOf(territory);
  const queue = (id: string, queueName: string, props: QueueProps): Queue =>
    new Queue(scope, id, {
      queueName,
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: LONGEST_KEPT,
      removalPolicy: kept,
      ...props,
    });
  const deadLetters = (id: string, queueName: string): Queue => {
    const dead = queue(id, queueName, {});
    Validations.of(dead).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'This is a dead-letter queue itself',
    });
    return dead;
  };
  const deliveryDead = deadLetters('DeliveryDead', names.deliveryDead);
  const ruleDead = deadLetters('RuleDead', names.ruleDead);
  const admitDead = deadLetters('AdmitDead', names.admitDead);
  const delivery = queue('Delivery', names.delivery, {
    // Six times the function's timeout, as Lambda asks for, so that no message is handed out twice while it is worked on.
    visibilityTimeout: Duration.seconds(6 * deliverTimeout(territory).toSeconds()),
    deadLetterQueue: { queue: deliveryDead, maxReceiveCount: RECEIVES },
  });
  const sharedRules = names.buses.map((bus) => arnOf(scope, 'events', `rule/${bus}/*`));
  acceptFromRules(delivery, sharedRules);
  acceptFromRules(ruleDead, sharedRules);
  acceptFromRules(admitDead, [arnOf(scope, 'events', `rule/${names.ingressPrefix}*`)]);
  return {
    delivery,
    deliveryDead,
    ruleDead,
    routeDead: deadLetters('RouteDead', names.routeDead),
    admitDead,
  };
}

/** Lets rules made at run time put messages here, and nobody else's rules. */
function acceptFromRules(queue: Queue, rules: string[]): void {
  queue.addToResourcePolicy(
    new PolicyStatement({
      actions: ['sqs:SendMessage'],
      principals: [new ServicePrincipal('events.amazonaws.com')],
      resources: [queue.queueArn],
      conditions: { ArnLike: { 'aws:SourceArn': rules } },
    }),
  );
}
