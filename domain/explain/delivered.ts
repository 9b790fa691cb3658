import type { Delivery } from '../../schemas/delivery.ts';
import { DISABLED, FAILED, type Standing, standingClause, UNFETCHED } from '../deliver/verdict.ts';
import type { Explanation } from './explanation.ts';
import { clauseWords } from './words.ts';

const WAITING = ['available', 'retrying', 'waiting', 'delayed'];

/** What is recorded of a delivery; `coarse` leaves out what would tell which one it is. */
export function ofDelivery(
  delivery: Delivery,
  standing: Standing,
  { coarse, now }: { coarse: boolean; now: Date },
): Explanation {
  const shown = coarse ? {} : { delivery: delivery.id };
  const stopped = WAITING.includes(delivery.status) ? standingClause(standing, now) : undefined;
  if (stopped !== undefined) {
    const detail = `${clauseWords(stopped, standing)} It was ${delivery.status} before.`;
    return { outcome: 'withheld', decidedBy: { step: 'contract', clause: stopped }, detail, ...shown };
  }
  const { status, clause } = delivery;
  const tried = status === 'retrying' || status === 'gone' || (status === 'parked' && !isUntried(clause));
  return {
    outcome: status,
    decidedBy: { step: 'deliver', ...(tried ? { state: status } : { clause }) },
    detail: [
      tried ? triedWords(delivery, coarse) : clauseWords(clause, standing),
      ...(status === 'available' ? [waitingWords(standing)] : []),
      ...(status === 'parked' && !tried ? ['It is parked.'] : []),
      ...(delivery.dueAt !== undefined && !coarse ? [dueWords(status, delivery.dueAt)] : []),
    ].join(' '),
    ...shown,
  };
}

/** Whether it was parked for another reason than that its receiver did not take it. */
const isUntried = (clause: string): boolean => [DISABLED, UNFETCHED, FAILED].includes(clause);

const dueWords = (status: Delivery['status'], dueAt: string): string =>
  status === 'available'
    ? `It is parked where nobody has fetched it by ${dueAt}.`
    : `It goes again at ${dueAt} or soon after.`;

/** An event that was erased by its provider or by the DPO, before or after it came. */
export function ofErased(delivery: Delivery | undefined, { coarse }: { coarse: boolean }): Explanation {
  const before = delivery?.status === 'delivered' ? ' It had been delivered before.' : '';
  return {
    outcome: 'erased',
    decidedBy: { step: 'publish', state: 'erased' },
    detail: `It was erased.${before}`,
    ...(delivery && !coarse && { delivery: delivery.id }),
  };
}

/** How the last attempt went: by its status, never by what the receiver said. */
function triedWords({ status, attempts, attemptCount }: Delivery, coarse: boolean): string {
  const end = {
    parked: ' No attempt is left: it is parked.',
    gone: ' It has said that it is gone for good.',
  };
  const after = status === 'parked' || status === 'gone' ? end[status] : '';
  if (coarse) return `The receiver has not taken it.${after}`;
  const last = attempts.at(-1);
  const answer = last?.status === undefined ? 'did not answer' : `answered ${last.status} to`;
  return `The receiver ${answer} attempt ${attemptCount}.${after}`;
}

const waitingWords = ({ subscription }: Standing): string =>
  subscription?.destination.kind === 's3'
    ? 'It waits for the next object of the archive.'
    : 'It waits in the queue of the subscription to be received.';
