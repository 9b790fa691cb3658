import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Territory } from '../schemas/territory.ts';
import { alarms } from './alarms.ts';
import { tableArn } from './grants.ts';
import { handingRoles } from './handing-over.ts';
import type { HouseFunction } from './house-function.ts';
import type { Stores } from './ledger-stack.ts';
import type { MeshProps } from './mesh-props.ts';
import { namesOf } from './names.ts';
import { needsOf } from './needs.ts';
import { admitStep } from './steps/admit.ts';
import { apiStep } from './steps/api.ts';
import { clockStep } from './steps/clock.ts';
import { deliverStep } from './steps/deliver.ts';
import { frontDoor, openDoors, publicUrlOf, STAGE } from './steps/front-door.ts';
import { publishStep } from './steps/publish.ts';
import { pullStep } from './steps/pull.ts';
import { routeStep } from './steps/route.ts';

/** The stateless stack: code, API, event sources, alarms. Deleting it, with messages queued, loses nothing. */
export class MeshStack extends Stack {
  constructor(
    scope: Construct,
    territory: Territory,
    stores: Stores,
    { handlers, ...props }: StackProps & { handlers?: string | undefined } = {},
  ) {
    const names = namesOf(territory);
    super(scope, names.meshStack, { ...props, description: `${territory.name}: the data-sharing mesh` });
    const front = frontDoor(this, territory);
    const payloadsBucket = `${names.payloadsPrefix}${this.account}-${this.region}`;
    const mesh: MeshProps = {
      territory,
      territoryText: JSON.stringify(territory),
      names,
      stores,
      needs: needsOf(this, territory),
      publicUrl: publicUrlOf(front, territory),
      payloadsBucket,
      payloadsUrl: `https://s3.${this.region}.${this.urlSuffix}/${payloadsBucket}`,
      handingRoles: handingRoles(this, territory),
      handlers,
    };
    const publish = publishStep(this, mesh);
    const admit = admitStep(this, mesh);
    const route = routeStep(this, mesh);
    const deliver = deliverStep(this, mesh);
    const pull = pullStep(this, mesh);
    const api = apiStep(this, mesh, admit);
    const clock = clockStep(this, mesh, admit);
    for (const step of [publish, admit, deliver, pull, api, clock]) keepAudit(this, step, names.registry);
    openDoors(front, { publish, pull, api });
    alarms(this, mesh, { route, clock });
    new CfnOutput(this, 'ApiUrl', { value: front.url, description: 'Where the API answers on AWS' });
    new CfnOutput(this, 'ApiId', { value: front.restApiId });
    new CfnOutput(this, 'ApiStage', { value: STAGE });
  }
}

/**
 * Nobody changes or removes what the audit has. That nothing is put over an entry is the condition of the put itself:
 * IAM cannot tell a put that adds from one that replaces.
 */
function keepAudit(stack: Stack, step: HouseFunction, registry: string): void {
  step.deny(['dynamodb:UpdateItem', 'dynamodb:DeleteItem'], [tableArn(stack, registry)], {
    'ForAnyValue:StringLike': { 'dynamodb:LeadingKeys': ['audit#*'] },
  });
}
