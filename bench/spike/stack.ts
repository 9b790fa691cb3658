import { CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { LambdaIntegration, RestApi } from 'aws-cdk-lib/aws-apigateway';
import { AttributeType, BillingMode, StreamViewType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus } from 'aws-cdk-lib/aws-events';
import {
  Code,
  EventSourceMapping,
  FilterCriteria,
  FilterRule,
  Function as LambdaFunction,
  Runtime,
  StartingPosition,
} from 'aws-cdk-lib/aws-lambda';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import type { App } from 'aws-cdk-lib';
import type { Hot } from '../invocations.ts';

/** What the spike is called on the engine. */
export const SPIKE = 'maille-bench-spike';

/** What the spike's functions need to be told. */
export interface SpikeProps {
  /** The folder of each function's bundle. */
  bundleOf: (name: Hot) => string;
  /** Where every delivery is posted. */
  webhook: string;
  secret: string;
}

/**
 * The thin spike that the design's figures come from: the bare scripts of this bench, wired as the mesh is. No
 * participants, contracts, verdicts or retries: what comes in by REST goes through table, stream, bus, rules and queue
 * to one webhook.
 */
export function spikeStack(app: App, { bundleOf, webhook, secret }: SpikeProps): void {
  const stack = new Stack(app, SPIKE);
  const ledger = new Table(stack, 'Ledger', {
    tableName: `${SPIKE}-ledger`,
    partitionKey: { name: 'key', type: AttributeType.STRING },
    stream: StreamViewType.NEW_IMAGE,
    billingMode: BillingMode.PAY_PER_REQUEST,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const deliveries = new Table(stack, 'Deliveries', {
    tableName: `${SPIKE}-deliveries`,
    partitionKey: { name: 'id', type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const bus = new EventBus(stack, 'Bus', { eventBusName: SPIKE });
  const queue = new Queue(stack, 'Queue', { queueName: SPIKE, visibilityTimeout: Duration.minutes(6) });
  const environment = {
    LEDGER_TABLE: ledger.tableName,
    DELIVERIES_TABLE: deliveries.tableName,
    BUS_NAMES: bus.eventBusName,
    BENCH_SINK: webhook,
    BENCH_SECRET: secret,
  };
  const lambda = (name: Hot): LambdaFunction =>
    new LambdaFunction(stack, name, {
      functionName: `${SPIKE}-${name}`,
      runtime: Runtime.NODEJS_24_X,
      code: Code.fromAsset(bundleOf(name)),
      handler: 'index.handler',
      environment,
      memorySize: 1024,
      timeout: Duration.seconds(60),
    });
  const publish = lambda('publish');
  const api = new RestApi(stack, 'Door', { binaryMediaTypes: ['*/*'], cloudWatchRole: false });
  api.root.addResource('v1').addResource('events').addMethod('POST', new LambdaIntegration(publish));
  const route = lambda('route');
  ledger.grantStreamRead(route);
  new EventSourceMapping(stack, 'FromLedger', {
    target: route,
    eventSourceArn: ledger.tableStreamArn ?? '',
    startingPosition: StartingPosition.TRIM_HORIZON,
    batchSize: 100,
    parallelizationFactor: 2,
    filters: [FilterCriteria.filter({ eventName: FilterRule.isEqual('INSERT') })],
  });
  const deliver = lambda('deliver');
  queue.grantConsumeMessages(deliver);
  new EventSourceMapping(stack, 'FromQueue', {
    target: deliver,
    eventSourceArn: queue.queueArn,
    batchSize: 10,
    reportBatchItemFailures: true,
  });
  ledger.grantWriteData(publish);
  bus.grantPutEventsTo(route);
  deliveries.grantReadWriteData(deliver);
  new CfnOutput(stack, 'ApiId', { value: api.restApiId });
  new CfnOutput(stack, 'ApiStage', { value: api.deploymentStage.stageName });
  new CfnOutput(stack, 'QueueArn', { value: queue.queueArn });
}
