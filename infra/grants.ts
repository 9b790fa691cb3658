import { Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';

/** What a function may do. A resource with `*` needs `because`: why no narrower one can be named. */
export interface Grant {
  actions: string[];
  on: string[];
  because?: string;
}

/** Lets the role do this and nothing more; a wildcard without its reason is refused when the stacks are made. */
export function grant(role: Role, grants: Grant[]): void {
  for (const { actions, on, because } of grants) {
    role.addToPolicy(new PolicyStatement({ actions, resources: on }));
    for (const resource of on.filter((arn) => arn.includes('*'))) {
      if (!because)
        throw new Error(`${role.node.path} may ${actions.join(', ')} on ${resource}, and nobody says why`);
      Validations.of(role).acknowledge({
        id: `AwsSolutions-IAM5[Resource::${shown(role, resource)}]`,
        reason: because,
      });
    }
  }
}

/** The ARN of something in the stack's own partition, region and account. */
export const arnOf = (stack: Stack, service: string, resource: string): string =>
  `arn:${stack.partition}:${service}:${stack.region}:${stack.account}:${resource}`;

/** The ARN of each table, and of its indexes where `indexes` says so. */
export const tableArn = (stack: Stack, table: string, index?: string): string =>
  arnOf(stack, 'dynamodb', `table/${table}${index ? `/index/${index}` : ''}`);

/** An ARN as cdk-nag writes it: `arn:<AWS::Partition>:…`. */
function shown(role: Role, arn: string): string {
  const resolved: unknown = Stack.of(role).resolve(arn);
  if (typeof resolved === 'string') return resolved;
  const parts = (resolved as { 'Fn::Join': [string, (string | { Ref: string })[]] })['Fn::Join'][1];
  return parts.map((part) => (typeof part === 'string' ? part : `<${part.Ref}>`)).join('');
}
