import { Duration } from 'aws-cdk-lib';
import { EventSourceMapping, FilterCriteria, FilterRule, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { Construct } from 'constructs';
import { environment } from '../../functions/route/environment.ts';
import { type HouseFunction, houseFunction } from '../house-function.ts';
import type { MeshProps } from '../mesh-props.ts';

/** From the ledger's stream to the shared buses: the outbox. */
export function routeStep(scope: Construct, props: MeshProps): HouseFunction {
  const { names, needs, stores } = props;
  const stream = stores.ledger.tableStreamArn;
  if (!stream) throw new Error('the ledger has no stream');
  const route = houseFunction(scope, 'route', {
    ...props,
    environment,
    variables: {
      TERRITORY: props.territoryText,
      BUS_NAMES: names.buses.join(','),
      ROUTE_DEAD_LETTERS_URL: stores.routeDead.queueUrl,
    },
    failureMeans:
      'accepted events are late for every consumer; they stay in the ledger and are routed again.',
    grants: [
      needs.putOnSharedBuses,
      {
        actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
        on: [stream],
      },
      { actions: ['dynamodb:ListStreams'], on: ['*'], because: 'ListStreams knows no narrower resource' },
      { actions: ['sqs:SendMessage'], on: [stores.routeDead.queueArn] },
    ],
    memoryMb: 512,
    timeout: Duration.seconds(60),
  });
  new EventSourceMapping(route, 'FromLedger', {
    target: route.lambda,
    eventSourceArn: stream,
    startingPosition: StartingPosition.TRIM_HORIZON,
    batchSize: 100,
    parallelizationFactor: 2,
    filters: [FilterCriteria.filter({ eventName: FilterRule.isEqual('INSERT') })],
    // What the bus refuses, route sets aside itself: an error here is its own, and the batch is tried again in halves.
    bisectBatchOnError: true,
    retryAttempts: 10,
    onFailure: new SqsDlq(stores.routeDead),
  }).node.addDependency(route.role);
  return route;
}
