import { faultProxy } from '../../chaos/proxy.ts';
import { flood } from '../load.ts';
import { inOwnMesh, type Mesh } from '../mesh.ts';
import { pointAt } from '../pointing.ts';
import { openSink } from '../processes.ts';
import { type Bill, billOf, costPage } from '../cost-page.ts';
import { type Bench, circumstances, figure } from '../row.ts';
import { noCalls, type Counted, countCall } from '../units.ts';

const HOT = ['publish', 'route', 'deliver'] as const;
const FAN_OUTS = [1, 3, 10];
const BATCHES = 20;
const BATCH = 100;

/** What a million events cost on AWS, out of calls that were counted and prices with their pages. */
export const eventCost: Bench = {
  name: 'cost',
  tells: 'what a million events cost at fan-out 1, 3 and 10, beside the list prices of others',
  async run(context) {
    const bills = await inOwnMesh(counted);
    await context.keep('cost', costPage(bills, circumstances(new Date())));
    return bills.map(({ fanOut, total }) => ({
      what: `cost: a million events at fan-out ${fanOut}, in batches of ${BATCH} (docs/cost.md)`,
      measured: figure(total, 'USD'),
      target: '–',
    }));
  },
};

async function counted(mesh: Mesh): Promise<Bill[]> {
  const proxy = await faultProxy(mesh.engine.endpoint);
  try {
    for (const name of HOT) await pointAt(mesh, name, proxy.url);
    const bills: Bill[] = [];
    for (const fanOut of FAN_OUTS) bills.push(billOf(await countedAt(mesh, proxy, fanOut), fanOut));
    return bills;
  } finally {
    await proxy.close();
  }
}

async function countedAt(
  mesh: Mesh,
  proxy: Awaited<ReturnType<typeof faultProxy>>,
  fanOut: number,
): Promise<Counted> {
  const sink = await openSink();
  const subject = `cost-${fanOut}`;
  for (let at = 0; at < fanOut; at += 1) await mesh.subscribe(`${sink}/${subject}-${at}`, [subject]);
  await mesh.tick(60);
  await flood(mesh, sink, { subject, fanOut, batches: 2 });
  const counted = noCalls(BATCHES * BATCH);
  proxy.inject((call) => {
    countCall(counted, call, mesh.names);
    return undefined;
  });
  await flood(mesh, sink, { subject, fanOut, batches: BATCHES });
  proxy.inject();
  return counted;
}
