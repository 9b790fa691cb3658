import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { HouseFunction } from './house-function.ts';
import type { MeshProps } from './mesh-props.ts';

/** Where an operator reads what to do; each alarm names its section. */
export const RUNBOOK = 'docs/runbook.md';

/** What the alarms watch. Each alarm costs 0.10 USD a month, so there is one per thing that people would miss. */
export interface Watched {
  route: HouseFunction;
  clock: HouseFunction;
}

interface Warning {
  name: string;
  means: string;
  metric: IMetric;
  above: number;
  /** For so many periods in a row. */
  periods: number;
}

const PERIOD = Duration.minutes(5);

/** Tells people what is wrong, on the console and, where the territory names an address, by e-mail. */
export function alarms(scope: Construct, props: MeshProps, watched: Watched): void {
  const within = new Construct(scope, 'Alarms');
  const tell = emailTopic(within, props);
  for (const { name, means, metric, above, periods } of warnings(props, watched)) {
    const alarm = new Alarm(within, name, {
      alarmName: `maille-${props.territory.id}-${name}`,
      alarmDescription: `${means} ${RUNBOOK}#${name}`,
      metric,
      threshold: above,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: periods,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    if (tell) alarm.addAlarmAction(new SnsAction(tell));
  }
}

function emailTopic(scope: Construct, { territory }: MeshProps): Topic | undefined {
  if (!territory.alarmEmail) return undefined;
  const topic = new Topic(scope, 'Email', { topicName: `maille-${territory.id}-alarms`, enforceSSL: true });
  topic.addSubscription(new EmailSubscription(territory.alarmEmail));
  return topic;
}

const waiting = (queue: Queue): IMetric =>
  queue.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: PERIOD });

function warnings({ stores }: MeshProps, { route, clock }: Watched): Warning[] {
  return [
    {
      name: 'routing-late',
      means: 'Accepted events have not reached the shared bus for 5 minutes: every consumer is late.',
      metric: route.lambda.metric('IteratorAge', { statistic: 'Maximum', period: PERIOD }),
      above: Duration.minutes(5).toMilliseconds(),
      periods: 1,
    },
    {
      name: 'deliveries-late',
      means: 'A delivery has been waiting in the queue for 30 minutes: consumers are late.',
      metric: stores.delivery.metricApproximateAgeOfOldestMessage({ statistic: 'Maximum', period: PERIOD }),
      above: Duration.minutes(30).toSeconds(),
      periods: 1,
    },
    {
      name: 'delivery-dead-letters',
      means: 'The mesh itself failed ten times over a delivery and has set it aside.',
      metric: waiting(stores.deliveryDead),
      above: 0,
      periods: 1,
    },
    {
      name: 'rule-dead-letters',
      means: 'EventBridge could not hand an event to the delivery queue: a subscription has missed it.',
      metric: waiting(stores.ruleDead),
      above: 0,
      periods: 1,
    },
    {
      name: 'admit-dead-letters',
      means: 'An event that a participant put on its ingress bus was not accepted for a fault of the mesh.',
      metric: waiting(stores.admitDead),
      above: 0,
      periods: 1,
    },
    {
      name: 'clock-failing',
      means: 'The clock fails: retries and delays are late, and what route set aside is not routed again.',
      metric: clock.lambda.metricErrors({ statistic: 'Sum', period: PERIOD }),
      above: 0,
      periods: 3,
    },
  ];
}
