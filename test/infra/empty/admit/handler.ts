/** A function that does nothing: the templates are tested without the real ones. */
export const handler = async (): Promise<object> => ({});
