import type { Contract } from '../../schemas/contract.ts';
import type { Dataset, RetireRequest } from '../../schemas/dataset.ts';
import type { Caller } from '../../schemas/participant.ts';
import { ProblemError } from '../../schemas/problem.ts';
import { eachApart } from '../clock/apart.ts';
import { isOver } from '../contracts/transitions.ts';
import { absent, allItems, type ControlDeps, everyItem, overtaken } from '../control.ts';
import { noticeType, notify, writeNotices } from '../notices.ts';

/**
 * Plans that a dataset of the caller's ends, and tells everybody with a contract on it. From its day on nothing is published
 * to it, and no contract is made; what was published can be read for as long as it is kept. Asked for again, the later word
 * stands.
 */
export async function retireDataset(
  deps: ControlDeps,
  caller: Caller,
  id: string,
  { reason, on }: RetireRequest,
): Promise<Dataset> {
  const before = await deps.registry.read('dataset', id);
  if (before?.provider !== caller.participant) throw absent('dataset', id);
  if (before.status === 'retired') throw new ProblemError('conflict', `The dataset ${id} is retired already`);
  const planned = await moved(deps, before, { retirement: { reason, on, told: false } });
  if (!planned) throw overtaken('dataset', id);
  // Also when this fails: the plan is kept, and the clock goes on with it.
  return settleRetirement(deps, planned).catch(() => planned);
}

/** Retires the datasets whose day has come, and tells what was not told yet. Answers how many were retired. */
export async function settleRetirements(deps: ControlDeps): Promise<number> {
  let retired = 0;
  const listed = await allItems((page) => deps.registry.list('datasetsToAnnounce', {}, page));
  await eachApart(listed, async ({ id }) => {
    const before = await deps.registry.read('dataset', id);
    if (!before?.retirement) return;
    const { status } = await settleRetirement(deps, before);
    if (status !== before.status) retired += 1;
  });
  return retired;
}

/** A dataset as far as its retirement has come by now. */
async function settleRetirement(deps: ControlDeps, before: Dataset): Promise<Dataset> {
  const { retirement } = before;
  if (!retirement) return before;
  const isDue = before.status === 'active' && Date.parse(retirement.on) <= deps.now().getTime();
  const present = isDue
    ? await moved(deps, before, { status: 'retired', retirement: { ...retirement, told: false } })
    : before;
  // Somebody changed it meanwhile: the next beat sees it.
  if (!present?.retirement) return before;
  if (present.retirement.told) return present;
  await tell(deps, present);
  return (await moved(deps, present, { retirement: { ...present.retirement, told: true } })) ?? present;
}

/** Tells the provider, and the consumer of each contract that is not over. Told twice rather than never. */
async function tell(deps: ControlDeps, { id, provider, title, status, retirement }: Dataset): Promise<void> {
  const consumers = new Set([provider]);
  const contracts = everyItem<Contract>((page) =>
    deps.registry.list('contractsOfDataset', { dataset: id }, page),
  );
  for await (const { consumer, state } of contracts) if (!isOver(state)) consumers.add(consumer);
  const data = { dataset: id, title, reason: retirement?.reason, on: retirement?.on };
  const said = { type: noticeType.dataset(status === 'retired' ? 'retired' : 'retiring'), subject: id, data };
  const notices = [...consumers].map((to) => notify(to, said, deps.now(), deps.random));
  await writeNotices(deps.registry, notices);
}

/** The dataset after a step; undefined where somebody else changed it in the same moment. */
async function moved(
  deps: ControlDeps,
  before: Dataset,
  step: Partial<Dataset>,
): Promise<Dataset | undefined> {
  const item = { ...before, ...step, revision: before.revision + 1, updatedAt: deps.now().toISOString() };
  return (await deps.registry.write([{ do: 'replace', noun: 'dataset', before, item }])) ? item : undefined;
}
