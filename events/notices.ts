import * as z from 'zod';
import { datasetRequest } from '../schemas/dataset.ts';
import { opaqueId, readableId } from '../schemas/ids.ts';
import { fault } from '../schemas/problem-document.ts';
import type { Notice } from '../schemas/notice.ts';
import type { CloudEvent } from './cloudevent.ts';

const title = (fr: string, en: string): { fr: string; en: string } => ({ fr, en });

const contractData = z.object({
  contract: opaqueId('contract'),
  dataset: readableId,
  provider: readableId,
  consumer: readableId,
  /** Who moved it: one of the parties, an operator, or the mesh itself when a day was reached. */
  by: z.string(),
  reason: z.string().optional(),
});

/** What a state of a contract, or what happened to it, is told as. */
const ofContract = <const What extends string>(what: What, fr: string, en: string) => ({
  type: `maille.contract.${what}.v1` as const,
  version: 1 as const,
  data: contractData,
  title: title(fr, en),
});

/** What the end of a dataset is told as. */
const ofDataset = <const What extends string>(what: What, fr: string, en: string) => ({
  type: `maille.dataset.${what}.v1` as const,
  version: 1 as const,
  data: z.object({
    dataset: readableId,
    title: datasetRequest.shape.title,
    reason: z.string(),
    on: z.string(),
  }),
  title: title(fr, en),
});

const subscriptionData = z.object({
  subscription: opaqueId('subscription'),
  contract: opaqueId('contract'),
  dataset: readableId,
  reason: z.string(),
});

const refusal = z.object({ kind: z.string(), detail: z.string(), errors: z.array(fault).optional() });

const uploadData = z.object({ upload: opaqueId('upload'), dataset: readableId, type: z.string() });

/** Every event that the mesh itself states: its type with its version, its data, and what a person reads above it. */
export const NOTICES = {
  test: {
    type: 'maille.test.v1',
    version: 1,
    data: z.object({ subscription: opaqueId('subscription'), message: z.string() }),
    title: title('Événement de test', 'Test event'),
  },
  publicationRejected: {
    type: 'maille.publication.rejected.v1',
    version: 1,
    data: z.object({
      publication: opaqueId('publication'),
      eventId: z.string(),
      type: z.string().optional(),
      problem: refusal,
    }),
    title: title('Publication refusée', 'Publication rejected'),
  },
  uploadAccepted: {
    type: 'maille.upload.accepted.v1',
    version: 1,
    data: uploadData.extend({ event: z.object({ id: z.string(), source: z.string(), digest: z.string() }) }),
    title: title('Fichier publié', 'Upload published'),
  },
  uploadRefused: {
    type: 'maille.upload.refused.v1',
    version: 1,
    data: uploadData.extend({ problem: refusal }),
    title: title('Fichier refusé', 'Upload refused'),
  },
  datasetRetiring: ofDataset('retiring', 'Fin d’un jeu de données annoncée', 'End of a dataset announced'),
  datasetRetired: ofDataset('retired', 'Jeu de données retiré', 'Dataset retired'),
  contractRequested: ofContract('requested', 'Contrat demandé', 'Contract requested'),
  contractOffered: ofContract('offered', 'Contre-proposition de contrat', 'Counter-offer for a contract'),
  contractAgreed: ofContract('agreed', 'Contrat conclu', 'Contract agreed'),
  contractActive: ofContract('active', 'Contrat en vigueur', 'Contract in force'),
  contractRejected: ofContract('rejected', 'Contrat refusé', 'Contract rejected'),
  contractSuspended: ofContract('suspended', 'Contrat suspendu', 'Contract suspended'),
  contractTerminated: ofContract('terminated', 'Contrat résilié', 'Contract terminated'),
  contractExpired: ofContract('expired', 'Contrat arrivé à son terme', 'Contract expired'),
  contractRevisionProposed: ofContract(
    'revision-proposed',
    'Révision de contrat proposée',
    'Contract revision proposed',
  ),
  contractRevisionAccepted: ofContract(
    'revision-accepted',
    'Révision acceptée, en attente du DPO',
    'Revision accepted, waiting for the DPO',
  ),
  contractRevised: ofContract('revised', 'Contrat révisé', 'Contract revised'),
  contractRevisionRejected: ofContract(
    'revision-rejected',
    'Révision de contrat refusée',
    'Contract revision rejected',
  ),
  contractTermsChangePlanned: ofContract(
    'terms-change-planned',
    'Changement de conditions annoncé',
    'Change of terms announced',
  ),
  contractTermsChanged: ofContract('terms-changed', 'Conditions changées', 'Terms changed'),
  contractAwaitsDpo: ofContract(
    'awaits-dpo',
    'Contrat en attente de la décision du DPO',
    'Contract awaiting the decision of the DPO',
  ),
  contractEnding: {
    type: 'maille.contract.ending.v1',
    version: 1,
    data: contractData.omit({ by: true, reason: true }).extend({ until: z.string(), daysBefore: z.int() }),
    title: title('Contrat bientôt à son terme', 'Contract about to end'),
  },
  subscriptionUnverified: {
    type: 'maille.subscription.unverified.v1',
    version: 1,
    data: subscriptionData,
    title: title('Destinataire à vérifier', 'Receiver to be verified'),
  },
  subscriptionVerified: {
    type: 'maille.subscription.verified.v1',
    version: 1,
    data: subscriptionData,
    title: title('Destinataire vérifié', 'Receiver verified'),
  },
  subscriptionFailing: {
    type: 'maille.subscription.failing.v1',
    version: 1,
    data: subscriptionData,
    title: title('Abonnement en échec', 'Subscription failing'),
  },
  subscriptionDisabled: {
    type: 'maille.subscription.disabled.v1',
    version: 1,
    data: subscriptionData,
    title: title('Abonnement désactivé', 'Subscription disabled'),
  },
  subscriptionEnded: {
    type: 'maille.subscription.ended.v1',
    version: 1,
    data: subscriptionData,
    title: title('Abonnement terminé', 'Subscription ended'),
  },
  deliveryParked: {
    type: 'maille.delivery.parked.v1',
    version: 1,
    /** One of those that were parked lately; its event is not named, which a contract may hide. */
    data: z.object({
      delivery: opaqueId('delivery'),
      subscription: opaqueId('subscription'),
      contract: opaqueId('contract'),
      dataset: readableId,
      attempts: z.int().nonnegative(),
      /** Until then it can be sent again: its dataset keeps the event for no longer. */
      releasableUntil: z.string(),
    }),
    title: title('Livraison mise de côté', 'Delivery parked'),
  },
} as const;

/** The name of a notice. */
export type NoticeName = keyof typeof NOTICES;
/** The data of one notice. */
export type NoticeData<Name extends NoticeName> = z.infer<(typeof NOTICES)[Name]['data']>;

/** What makes one notice, but for its id: type and data cannot disagree. */
export const noticeOf = <Name extends NoticeName>(
  name: Name,
  { subject, time, data }: { subject: string; time: Date; data: NoticeData<Name> },
): Pick<Notice, 'type' | 'subject' | 'time' | 'data'> => ({
  type: NOTICES[name].type,
  subject,
  time: time.toISOString(),
  data,
});

/** A notice as the CloudEvent that the mesh states. */
export const noticeToEvent = (notice: Omit<Notice, 'participant'>, territory: string): CloudEvent => ({
  specversion: '1.0',
  id: notice.id,
  source: `//${territory}`,
  type: notice.type,
  subject: notice.subject,
  time: notice.time,
  datacontenttype: 'application/json',
  data: notice.data,
});

/** What a person reads above a notice, in both languages; the type itself where it has no title. */
export function titleOf(type: string): string {
  const found = Object.values(NOTICES).find((notice) => notice.type === type);
  return found ? `${found.title.fr} / ${found.title.en}` : type;
}
