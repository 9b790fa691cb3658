import { isTelling, type Standing } from '../deliver/verdict.ts';

const STANDING = /^(contract|provider|consumer|subscription)\.(state|status)=(.+)$/;

/** What a clause means, for a person. */
export function clauseWords(clause: string, { contract, dataset }: Standing): string {
  const [, of, , state] = STANDING.exec(clause) ?? [];
  if (of !== undefined) return `The ${of} is ${state ?? ''}.`;
  if (clause.startsWith('quota.')) {
    const per = clause === 'quota.P1M' ? 'month' : 'day';
    const events = contract?.terms.quota?.events;
    return `The quota of the contract is used up: ${events ?? 'so many'} events a ${per} (UTC).`;
  }
  if (clause.startsWith('minimisation.'))
    return `By the contract's ${clause.slice(13).replaceAll('+', ', ')}.`;
  if (isTelling(clause)) return 'The filter reaches what the contract has come to hide: change the filter.';
  if (clause === 'dataset.retentionDays')
    return `The dataset keeps events for ${dataset?.retentionDays ?? 'so many'} days.`;
  return WORDS[clause] ?? `Decided by ${clause}.`;
}

const WORDS: Record<string, string> = {
  'contract.terms': 'The contract covers it.',
  'contract.types': 'The contract does not cover events of this type.',
  'subscription.types': 'The subscription does not ask for events of this type.',
  'subscription.filter': 'The filter was changed, and no longer matches it.',
  'subscription.circuit=open':
    'Its receiver has failed again and again and is spared: it waits until a probe arrives there.',
  'destination.concurrency': 'The receiver has as many requests at once as its destination allows.',
  'mesh.failed': 'The mesh itself has failed on it, again and again.',
  'destination.rate': 'Its receiver allows fewer events a minute than came: it goes in one of the next ones.',
  'territory.pullRetention': 'Nobody has fetched it for so long that its queue was about to drop it.',
  'contract.from': 'The contract has not begun yet.',
  'contract.until': 'The contract has ended.',
  'contract.absent': 'There is no contract.',
  'dataset.absent': 'There is no dataset.',
};
