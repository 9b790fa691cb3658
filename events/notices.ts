import * as z from 'zod';
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

const subscriptionData = z.object({
  subscription: opaqueId('subscription'),
  contract: opaqueId('contract'),
  dataset: readableId,
  reason: z.string(),
});

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
      problem: z.object({ kind: z.string(), detail: z.string(), errors: z.array(fault).optional() }),
    }),
    title: title('Publication refusée', 'Publication rejected'),
  },
  contractRequested: {
    type: 'maille.contract.requested.v1',
    version: 1,
    data: contractData,
    title: title('Contrat demandé', 'Contract requested'),
  },
  contractAgreed: {
    type: 'maille.contract.agreed.v1',
    version: 1,
    data: contractData,
    title: title('Contrat conclu', 'Contract agreed'),
  },
  contractActivated: {
    type: 'maille.contract.activated.v1',
    version: 1,
    data: contractData,
    title: title('Contrat en vigueur', 'Contract activated'),
  },
  contractRejected: {
    type: 'maille.contract.rejected.v1',
    version: 1,
    data: contractData,
    title: title('Contrat refusé', 'Contract rejected'),
  },
  contractSuspended: {
    type: 'maille.contract.suspended.v1',
    version: 1,
    data: contractData,
    title: title('Contrat suspendu', 'Contract suspended'),
  },
  contractResumed: {
    type: 'maille.contract.resumed.v1',
    version: 1,
    data: contractData,
    title: title('Contrat rétabli', 'Contract resumed'),
  },
  contractTerminated: {
    type: 'maille.contract.terminated.v1',
    version: 1,
    data: contractData,
    title: title('Contrat résilié', 'Contract terminated'),
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
    data: z.object({
      delivery: opaqueId('delivery'),
      subscription: opaqueId('subscription'),
      event: z.object({ id: z.string(), source: z.string(), type: z.string() }),
      attempts: z.int().nonnegative(),
      reason: z.string(),
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
