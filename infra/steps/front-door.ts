import { Duration, Stack, Validations } from 'aws-cdk-lib';
import {
  EndpointType,
  type Integration,
  type IResource,
  LambdaIntegration,
  RestApi,
} from 'aws-cdk-lib/aws-apigateway';
import type { Construct } from 'constructs';
import { answerAsTheMesh } from '../gateway-responses.ts';
import type { HouseFunction } from '../house-function.ts';
import type { Territory } from '../../schemas/territory.ts';

/** The stage of the REST API: the first part of its path, until a territory has a domain of its own. */
export const STAGE = 'mesh';

/** What the REST API passes on, by function. */
export interface Doors {
  publish: HouseFunction;
  pull: HouseFunction;
  api: HouseFunction;
}

/** The REST API, without its routes: the functions behind them are told where it answers. */
export function frontDoor(scope: Construct, territory: Territory): RestApi {
  const front = new RestApi(scope, 'FrontDoor', {
    restApiName: `maille-${territory.id}`,
    description: `${territory.name}: the HTTP contract of the mesh`,
    endpointConfiguration: { types: [EndpointType.REGIONAL] },
    // Every body arrives as the bytes that were sent: events may carry any media type.
    binaryMediaTypes: ['*/*'],
    cloudWatchRole: false,
    deployOptions: { stageName: STAGE, throttlingRateLimit: 1000, throttlingBurstLimit: 2000 },
  });
  answerAsTheMesh(front);
  acknowledge(front);
  return front;
}

/**
 * Where the mesh answers. Put together from the API's id and the stage's name: the stage itself comes after the
 * functions, which could not be told of it.
 */
export function publicUrlOf(front: RestApi, { publicUrl }: Territory): string {
  const { region, urlSuffix } = Stack.of(front);
  const [before, after] = (publicUrl ?? `https://{api}.execute-api.${region}.${urlSuffix}/${STAGE}`).split(
    '{api}',
  );
  return after === undefined ? (before ?? '') : `${before ?? ''}${front.restApiId}${after}`;
}

/** Two hot routes have functions of their own, everything else is the control plane's. */
export function openDoors(front: RestApi, doors: Doors): void {
  const to = ({ lambda }: HouseFunction): Integration =>
    new LambdaIntegration(lambda, {
      scopePermissionToMethod: false,
      timeout: Duration.seconds(29),
    });
  routes(front.root, to(doors.publish), to(doors.pull), to(doors.api));
}

// API Gateway does not look further up once a part of the path matched: each branch has its own rest, but where a
// part of the path is a variable, which allows no other beside it.
function routes(root: IResource, publish: Integration, pull: Integration, api: Integration): void {
  const managed = (resource: IResource): IResource => {
    resource.addMethod('ANY', api);
    return resource;
  };
  const branch = (resource: IResource): IResource => {
    managed(resource.addResource('{proxy+}'));
    return managed(resource);
  };
  const v1 = branch(branch(root).addResource('v1'));
  branch(v1.addResource('events')).addMethod('POST', publish);
  const subscription = branch(managed(v1.addResource('subscriptions')).addResource('{id}'));
  const action = branch(managed(subscription.addResource('messages')).addResource('{action}'));
  action.addMethod('POST', pull);
}

function acknowledge(front: RestApi): void {
  const reasons = {
    'AwsSolutions-APIG1':
      'Each function writes one wide log line per request; access logs would cost twice for less',
    'AwsSolutions-APIG6':
      'Each function writes one wide log line per request; stage logs would hold personal data',
    'AwsSolutions-APIG2':
      'The functions judge requests and answer every fault at once, which the gateway cannot',
    'AwsSolutions-APIG3': 'A web ACL costs 5 USD a month when idle; a territory that needs one attaches it',
    'AwsSolutions-APIG4':
      'Keys and tokens are judged by the functions against the registry, revoked within 5 s',
    'AwsSolutions-COG4': 'Participants have API keys or tokens of the territory, not Cognito users',
  };
  for (const [id, reason] of Object.entries(reasons)) Validations.of(front).acknowledge({ id, reason });
}
