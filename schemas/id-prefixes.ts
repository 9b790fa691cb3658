/** What opaque ids begin with: one prefix per noun. */
export const ID_PREFIXES = {
  contract: 'ctr_',
  subscription: 'sub_',
  delivery: 'dlv_',
  key: 'key_',
  upload: 'upl_',
  replay: 'rpl_',
  notice: 'ntc_',
  publication: 'pub_',
  audit: 'aud_',
  erasure: 'era_',
} as const;

/** Nouns whose ids the mesh makes: a prefix and a ULID, so that they sort by the time of their making. */
export type IdPrefix = keyof typeof ID_PREFIXES;
