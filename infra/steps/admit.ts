import { Duration, Stack } from 'aws-cdk-lib';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnPermission } from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import type { Construct } from 'constructs';
import { environment } from '../../functions/admit/environment.ts';
import { arnOf } from '../grants.ts';
import { type HouseFunction, houseFunction } from '../house-function.ts';
import type { MeshProps } from '../mesh-props.ts';

/** The doors that are no request: what participants put on their ingress buses, and files that they put in the bucket. */
export function admitStep(scope: Construct, props: MeshProps): HouseFunction {
  const { names, needs, stores } = props;
  const admit = houseFunction(scope, 'admit', {
    ...props,
    environment,
    variables: {
      TERRITORY: props.territoryText,
      LEDGER_TABLE: names.ledger,
      REGISTRY_TABLE: names.registry,
      PAYLOADS_URL: props.payloadsUrl,
    },
    failureMeans:
      'events put on ingress buses wait in admit-dead instead of being accepted; uploads wait to be completed.',
    grants: [
      needs.appendToLedger,
      needs.keepPayloads,
      ...needs.readPayloads,
      needs.removePayloads,
      needs.readLedger,
      needs.readRegistry,
      needs.listRegistry,
      needs.writeRegistry,
      { actions: ['sqs:SendMessage'], on: [stores.admitDead.queueArn] },
    ],
    // Ten megabytes of JSON are many times that when they are judged.
    memoryMb: 1024,
    timeout: Duration.seconds(30),
  });
  admit.lambda.configureAsyncInvoke({
    onFailure: new SqsDestination(stores.admitDead),
    retryAttempts: 2,
    maxEventAge: Duration.hours(6),
  });
  new CfnPermission(admit, 'FromIngressBuses', {
    action: 'lambda:InvokeFunction',
    functionName: admit.lambda.functionName,
    principal: new ServicePrincipal('events.amazonaws.com').service,
    sourceArn: arnOf(Stack.of(scope), 'events', `rule/${names.ingressPrefix}*`),
  });
  return admit;
}
