import type { Contract } from '../../schemas/contract.ts';
import { admit, putDataset } from './admission.ts';
import { agree, type Agreement, AGREEMENTS, subscribe, type Subscribed } from './agreements.ts';
import { type Consumer, pull, tellReceived, watchWithheld } from './consumers.ts';
import { co2Ecoles } from './datasets/co2-ecoles.ts';
import { parkings } from './datasets/parkings.ts';
import { re2020Batiments } from './datasets/re2020-batiments.ts';
import { meshClient } from './mesh-client.ts';
import { PARTICIPANTS } from './participants.ts';
import { type Receiver, startReceiver } from './receivers.ts';
import { background, meshOf, type Stage } from './stage.ts';
import { table } from './view.ts';
import { Trouble } from '../say.ts';

const DATASETS = {
  'co2-ecoles': { provider: PARTICIPANTS.atmo, dataset: co2Ecoles },
  're2020-batiments': { provider: PARTICIPANTS.bouygues, dataset: re2020Batiments },
  parkings: { provider: PARTICIPANTS.mobility, dataset: parkings },
};

/** Admits the participants and keeps their keys. */
export async function seedParticipants({ url, operatorKey, signal, view, keys }: Stage): Promise<void> {
  const operator = meshClient(url, operatorKey, signal);
  const participants = Object.values(PARTICIPANTS);
  for (const request of participants) keys[request.id] = await admit(operator, request);
  view.section('Participants', table(participants.map(({ id, name, roles }) => [id, roles.join(), name])));
}

/** Puts the datasets, each as its provider. */
export async function seedDatasets(stage: Stage): Promise<void> {
  const rows: string[][] = [];
  for (const [id, { provider, dataset }] of Object.entries(DATASETS)) {
    await putDataset(meshOf(stage, provider.id), id, dataset);
    const title = typeof dataset.title === 'string' ? dataset.title : dataset.title.fr;
    rows.push([id, provider.id, title, `${dataset.access}, approval: ${dataset.offer.approval}`]);
  }
  stage.view.section('Datasets', table(rows));
}

/** Makes contracts and subscriptions; from then on the consumers listen. Answers the contracts, as agreed upon. */
export async function seedAgreements(stage: Stage): Promise<Contract[]> {
  const receivers = new Map<string, Receiver>();
  const made: { contract: Contract; row: string[] }[] = [];
  for (const agreement of AGREEMENTS) made.push(await seedAgreement(stage, receivers, agreement));
  stage.view.section('Contracts and subscriptions', table(made.map(({ row }) => row)));
  return made.map(({ contract }) => contract);
}

async function seedAgreement(
  stage: Stage,
  receivers: Map<string, Receiver>,
  agreement: Agreement,
): Promise<{ contract: Contract; row: string[] }> {
  const { url, dpoKey, signal, view } = stage;
  const { via, filter, provider } = agreement;
  const consumer: Consumer = {
    id: agreement.consumer,
    mesh: meshOf(stage, agreement.consumer),
    view,
    signal,
  };
  const dpo = dpoKey === undefined ? undefined : meshClient(url, dpoKey, signal);
  const contract = await agree(consumer.mesh, meshOf(stage, provider), dpo, agreement);
  const receiver = via === 'pull' ? undefined : await receiverOf(stage, receivers, consumer);
  const subscribed = await subscribe(consumer.mesh, contract, agreement, receiver?.url ?? '');
  listen(stage, consumer, receiver, subscribed);
  const wish = filter ? `${via}, only ${JSON.stringify(filter)}` : via;
  const row = [
    consumer.id,
    contract.dataset,
    contract.purpose,
    contract.id,
    subscribed.subscription.id,
    wish,
  ];
  return { contract, row };
}

/** From now on the consumer hears: by its web server, or by pulling. */
function listen(
  stage: Stage,
  consumer: Consumer,
  receiver: Receiver | undefined,
  { subscription: { id }, secret }: Subscribed,
): void {
  if (!receiver) {
    background(
      stage,
      consumer,
      pull(consumer, id, () => stage.heard.add(consumer.id)),
    );
    return;
  }
  if (secret === undefined) throw new Trouble(`the subscription ${id} came without a secret`);
  receiver.trust(secret);
  background(stage, consumer, watchWithheld(consumer, id));
}

/** The one web server of a consumer. */
async function receiverOf(
  stage: Stage,
  receivers: Map<string, Receiver>,
  consumer: Consumer,
): Promise<Receiver> {
  const started = receivers.get(consumer.id);
  if (started) return started;
  const receiver = await startReceiver((event) => {
    stage.heard.add(consumer.id);
    background(stage, consumer, tellReceived(consumer, event));
  });
  stage.closers.push(receiver.close);
  receivers.set(consumer.id, receiver);
  return receiver;
}
