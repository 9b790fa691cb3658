import type { Register, RegisterEntry } from '../../schemas/register.ts';

const COLUMNS = [
  'dataset',
  'title',
  'controller',
  'controller contact',
  'controller DPO',
  'purposes',
  'legal basis',
  'data subjects',
  'categories of data',
  'retention',
  'transfers',
  'security',
  'backups',
  'recipient',
  'contract',
  'contract state',
  'recipient purpose',
  'recipient legal basis',
  'from',
  'until',
  'missing',
];

/** The register as CSV (RFC 4180): a row for each recipient, and one for what has none. */
export function registerCsv(register: Register): string {
  const backups = register.backups.map(({ where, days }) => `${where}: ${days} days`);
  const rows = register.entries.flatMap((entry) => rowsOf(entry, backups));
  return [COLUMNS, ...rows].map((row) => row.map(cell).join(',') + '\r\n').join('');
}

function rowsOf(entry: RegisterEntry, backups: string[]): string[][] {
  const { controller, title } = entry;
  const shared = [
    entry.dataset ?? '',
    typeof title === 'string' ? title : `${title.fr} / ${title.en}`,
    controller.name,
    personText(controller.contact),
    personText(controller.dpo),
    listed(entry.purposes),
    entry.legalBasis ?? '',
    listed(entry.subjects),
    listed(entry.categories),
    entry.retention,
    listed(entry.transfers.map(({ to, safeguard }) => `${to} (${safeguard})`)),
    listed(entry.security),
    listed(backups),
  ];
  const missing = listed(entry.missing);
  if (entry.recipients.length === 0) return [[...shared, '', '', '', '', '', '', '', missing]];
  return entry.recipients.map((one) => [
    ...shared,
    one.name,
    one.contract,
    one.state,
    one.purpose,
    one.legalBasis ?? '',
    one.from,
    one.until ?? '',
    missing,
  ]);
}

const listed = (texts: string[]): string => texts.join('; ');

const personText = (person: { name: string; email: string } | undefined): string =>
  person ? `${person.name} <${person.email}>` : '';

/** A text that a spreadsheet would take for a formula is marked as text: participants wrote it, others open it. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
