import { publisher, seenBy } from '../load.ts';
import { median } from '../measure.ts';
import { inOwnMesh, type Mesh } from '../mesh.ts';
import { openSink } from '../processes.ts';
import { type Bench, figure, type Row } from '../row.ts';

const COUNTS = [10, 100, 300];
const EVENTS = 150;
const MOST = 1.2;
const AT_ONCE = 5;

/** What one count of rules costs a publisher and a consumer, in milliseconds at the median. */
interface Took {
  rules: number;
  acceptedMs: number;
  deliveredMs: number;
}

/** Whether a publisher notices how many others have subscribed. */
export const manyRules: Bench = {
  name: 'rules',
  tells: 'how long publishing takes with 10, 100 and 300 rules on the bus, of which one matches',
  async run() {
    const took = await inOwnMesh(measured);
    const [first] = took;
    return took.map((one) => rowOf(one, first ?? one));
  },
};

async function measured(mesh: Mesh): Promise<Took[]> {
  const sink = await openSink();
  await mesh.subscribe(`${sink}/rules`, ['rules']);
  await mesh.tick(60);
  await publishOneByOne(mesh, sink, 30);
  const took: Took[] = [];
  for (const [at, rules] of COUNTS.entries()) {
    await subscribeOthers(mesh, sink, rules - (COUNTS[at - 1] ?? 1));
    await mesh.tick(60);
    took.push({ rules, ...(await publishOneByOne(mesh, sink, EVENTS)) });
  }
  return took;
}

async function subscribeOthers(mesh: Mesh, sink: string, count: number): Promise<void> {
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await mesh.subscribe(`${sink}/other`, [`nobody-publishes-${left}`]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** One event after the other, each when the one before it has arrived. */
async function publishOneByOne(mesh: Mesh, sink: string, events: number): Promise<Omit<Took, 'rules'>> {
  const { send, close } = publisher(mesh);
  const accepted: number[] = [];
  const delivered: number[] = [];
  for (let count = 0; count < events; count += 1) {
    const begun = performance.now();
    await send(1, 'rules');
    accepted.push(performance.now() - begun);
    const { tookMs } = await seenBy(sink, 1);
    delivered.push(...tookMs);
  }
  close();
  return { acceptedMs: median(accepted), deliveredMs: median(delivered) };
}

function rowOf({ rules, acceptedMs, deliveredMs }: Took, first: Took): Row {
  const ratio = acceptedMs / first.acceptedMs;
  return {
    what: `rules: ${rules} on the bus, publishing an event, p50 (${figure(deliveredMs, 'ms')} to its webhook)`,
    measured: figure(acceptedMs, 'ms'),
    floor: figure(first.acceptedMs, 'ms'),
    ratio: `${ratio.toFixed(2)}×`,
    target: `≤ ${MOST}×`,
    met: ratio <= MOST,
  };
}
