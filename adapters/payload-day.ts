/** The day on which data is forgotten, as its name says: `until/{day}/…`. */
export const dayOfPayload = (name: string): string => name.split('/')[1] ?? '';
